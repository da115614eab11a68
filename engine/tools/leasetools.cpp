#include "tools/leasetools.h"

#include "tools/assetargument.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;
using storage::Lease;

namespace {

constexpr int DefaultPage = 100;
constexpr int MaxPage = 1'000;

/// A page ends between two assets, since its last path is where the next one goes on. `leases` has
/// one more than fits, if there are more.
QString cutPage(QList<Lease> &leases, int limit)
{
    if (leases.size() <= limit)
        return {};
    const QString cut = leases.last().asset;
    leases.removeLast();
    qsizetype end = leases.size();
    while (end > 0 && leases[end - 1].asset == cut)
        --end;
    if (end > 0)
        leases.resize(end);
    return leases.last().asset;
}

QCoro::Task<Result<ToolResult>> listLeases(const Services *services, Json arguments,
                                           CallContext context)
{
    const int limit = static_cast<int>(findInt(arguments, "limit").value_or(DefaultPage));
    storage::LeaseFilter filter{
        .notebookPath = {}, .after = celldeck::textOf(arguments, "cursor"), .limit = limit + 1};
    if (find(arguments, "notebook_path")) {
        const auto path = notebookPath(*services, arguments);
        if (!path)
            co_return fail(path.error());
        filter.notebookPath = *path;
    }
    const auto listing = services->assets.store.list(filter);
    const Result<QList<Lease>> found = co_await listing.wait(*context.scope);
    if (!found)
        co_return fail(found.error());
    QList<Lease> leases = *found;
    const QString next = cutPage(leases, limit);
    Json list = Json::array();
    QStringList lines;
    for (const Lease &lease : std::as_const(leases)) {
        list.push_back(toJson(*services, lease));
        const Json &shown = list.back();
        lines << QStringLiteral("%1  %2 bytes, %3")
                     .arg(lease.asset)
                     .arg(lease.bytes)
                     .arg(lease.isPinned() ? QStringLiteral("pinned")
                                           : (shown["active"] ? QStringLiteral("until ")
                                                              : QStringLiteral("expired ")) +
                                                 celldeck::textOf(shown, "expires_at"));
    }
    ToolResult result;
    result.structured = {{"leases", std::move(list)},
                         {"next_cursor", next.isEmpty() ? Json(nullptr) : Json(next)}};
    result.text =
        lines.isEmpty() ? QStringLiteral("There is no lease.") : lines.join(QLatin1Char('\n'));
    co_return result;
}

using Change = Waiter<Lease> (assets::LeaseKeeper::*)(QString asset,
                                                      assets::LeaseKeeper::MaybeActor by);

QCoro::Task<Result<ToolResult>> changeLease(const Services *services, Json arguments,
                                            CallContext context, Change change)
{
    const TaskScope *scope = context.scope;
    const Result<Lease> asset = co_await findAsset(services, std::move(arguments), scope);
    if (!asset)
        co_return fail(asset.error());
    const auto changing = (services->assets.leases.*change)(asset->asset, actorOf(context));
    const Result<Lease> changed = co_await changing.wait(*scope);
    if (!changed)
        co_return fail(changed.error());
    if (change != &assets::LeaseKeeper::release) {
        const Result<> there = co_await services->assets.cleaner.bringBack(asset->asset);
        if (!there)
            co_return fail(there.error());
    }
    ToolResult result;
    result.structured = toJson(*services, *changed);
    const QString until = celldeck::textOf(result.structured, "expires_at");
    result.text = changed->isPinned()
                      ? QStringLiteral("%1 is kept until it is released.").arg(asset->asset)
                      : QStringLiteral("The lease of %1 ends at %2.").arg(asset->asset, until);
    co_return result;
}

QCoro::Task<Result<ToolResult>> renewLease(const Services *services, Json arguments,
                                           CallContext context)
{
    co_return co_await changeLease(services, std::move(arguments), std::move(context),
                                   &assets::LeaseKeeper::renew);
}

QCoro::Task<Result<ToolResult>> releaseLease(const Services *services, Json arguments,
                                             CallContext context)
{
    co_return co_await changeLease(services, std::move(arguments), std::move(context),
                                   &assets::LeaseKeeper::release);
}

QCoro::Task<Result<ToolResult>> pinAsset(const Services *services, Json arguments,
                                         CallContext context)
{
    const bool pins = findBool(arguments, "pinned").value_or(true);
    co_return co_await changeLease(services, std::move(arguments), std::move(context),
                                   pins ? &assets::LeaseKeeper::pin : &assets::LeaseKeeper::unpin);
}

QCoro::Task<Result<ToolResult>> pruneUnused(const Services *services, Json arguments,
                                            CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const bool preview = findBool(arguments, "dry_run").value_or(false);
    assets::SweepOrder order{
        .notebookPath = *path,
        .referenced = {},
        .mode = preview ? storage::CleanupMode::Preview : storage::CleanupMode::Remove,
        .by = actorOf(context)};
    if (const Json *referenced = find(arguments, "referenced")) {
        for (const Json &text : *referenced)
            order.referenced << text.get<QString>();
    }
    const auto sweeping = services->assets.cleaner.runOnce(std::move(order));
    const Result<assets::SweepReport> report = co_await sweeping.wait(*context.scope);
    if (!report)
        co_return fail(report.error());
    ToolResult result;
    result.structured = {{"assets", report->assets},
                         {"bytes", report->bytes},
                         {"deleted", report->deleted},
                         {"deleted_bytes", report->deletedBytes},
                         {"renewed", report->renewed},
                         {"restored", report->restored},
                         {"kept", report->kept.isEmpty() ? Json(nullptr) : Json(report->kept)},
                         {"dry_run", preview}};
    result.text =
        (preview
             ? QStringLiteral("%1 assets (%2 bytes) would go to the trash, %3 (%4 bytes) from "
                              "there for good; %5 are named by a notebook and stay.")
             : QStringLiteral("%1 assets (%2 bytes) went to the trash, %3 (%4 bytes) from there "
                              "for good; %5 are named by a notebook and stay."))
            .arg(report->assets)
            .arg(report->bytes)
            .arg(report->deleted)
            .arg(report->deletedBytes)
            .arg(report->renewed);
    if (!report->kept.isEmpty())
        result.text += QLatin1Char(' ') + report->kept;
    co_return result;
}

Json leaseObject()
{
    return {{"type", "object"},
            {"properties", leaseSchema()},
            {"required", Json::array({"asset", "path", "bytes", "active", "pinned"})}};
}

mcp::Tool pruneTool(const Services &services)
{
    const Json number{{"type", "integer"}};
    return {.name = QStringLiteral("prune_unused_assets"),
            .title = QStringLiteral("Prune unused assets"),
            .description = QStringLiteral(
                "Removes the notebook's assets whose lease has expired and that no notebook names: "
                "first to a trash folder, a day later for good. With dry_run it only counts. Give "
                "in referenced what an editor has not saved yet and may name assets. "
                "Example: {\"notebook_path\": \"analysis.ipynb\", \"dry_run\": true}"),
            .inputSchema = object(
                {{"notebook_path", pathSchema()},
                 {"dry_run", {{"type", "boolean"}, {"default", false}}},
                 {"referenced",
                  {{"type", "array"},
                   {"items", {{"type", "string"}}},
                   {"description", "Ids or paths of assets, or whole texts that may name some"}}}},
                Json::array({"notebook_path"})),
            .outputSchema = {{"type", "object"},
                             {"properties",
                              {{"assets", number},
                               {"bytes", number},
                               {"deleted", number},
                               {"deleted_bytes", number},
                               {"renewed", number},
                               {"restored", number},
                               {"kept",
                                {{"type", Json::array({"string", "null"})},
                                 {"description", "Why some that are due were not removed"}}},
                               {"dry_run", {{"type", "boolean"}}}}},
                             {"required", Json::array({"assets", "bytes", "dry_run"})}},
            .destructive = true,
            .idempotent = true,
            .call = toolFunction(pruneUnused, services)};
}

}  // namespace

void addLeaseTools(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(
        {.name = QStringLiteral("list_leases"),
         .title = QStringLiteral("List leases"),
         .description = QStringLiteral(
             "The leases that keep assets, of one notebook or of all, by path, a page at a time. "
             "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
         .inputSchema = pageArguments({{"notebook_path", pathSchema()}}, DefaultPage, MaxPage),
         .outputSchema = page("leases", leaseObject()),
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(listLeases, services)});
    const Json onlyAsset = object({{"asset", assetSchema()}}, Json::array({"asset"}));
    registry.add(
        {.name = QStringLiteral("renew_lease"),
         .title = QStringLiteral("Renew lease"),
         .description = QStringLiteral(
             "Keeps an asset for another 24 hours from now, also one that is in the trash. "
             "Example: {\"asset\": \"0123456789abcdef0123456789abcdef.png\"}"),
         .inputSchema = onlyAsset,
         .outputSchema = leaseObject(),
         .idempotent = true,
         .call = toolFunction(renewLease, services)});
    registry.add(
        {.name = QStringLiteral("release_lease"),
         .title = QStringLiteral("Release lease"),
         .description = QStringLiteral(
             "Ends the lease of an asset, pinned or not: the next sweep removes it, unless "
             "a notebook names it. Example: {\"asset\": "
             "\"0123456789abcdef0123456789abcdef.png\"}"),
         .inputSchema = onlyAsset,
         .outputSchema = leaseObject(),
         .destructive = true,
         .idempotent = true,
         .call = toolFunction(releaseLease, services)});
    registry.add({.name = QStringLiteral("pin_asset"),
                  .title = QStringLiteral("Pin asset"),
                  .description = QStringLiteral(
                      "Keeps an asset until it is released; pinned: false gives it the usual 24 "
                      "hours again. "
                      "Example: {\"asset\": \"0123456789abcdef0123456789abcdef.png\"}"),
                  .inputSchema = object({{"asset", assetSchema()},
                                         {"pinned", {{"type", "boolean"}, {"default", true}}}},
                                        Json::array({"asset"})),
                  .outputSchema = leaseObject(),
                  .idempotent = true,
                  .call = toolFunction(pinAsset, services)});
    registry.add(pruneTool(services));
}

}  // namespace celldeck::tools
