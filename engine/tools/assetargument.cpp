#include "tools/assetargument.h"

#include <QDir>
#include <QFileInfo>

#include "assets/asset.h"
#include "assets/assetfolder.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using storage::Lease;

QCoro::Task<Result<Lease>> findAsset(const Services *services, Json arguments,
                                     const TaskScope *scope)
{
    QString name = celldeck::textOf(arguments, "asset");
    if (name.contains(QLatin1Char('/')))
        name = QDir::cleanPath(QDir(services->workspace).absoluteFilePath(name));
    const auto finding = services->assets.store.find(name);
    const Result<Lease> lease = co_await finding.wait(*scope);
    if (!lease)
        co_return lease;
    const QStringList folders{services->workspace, services->assets.files.directory(),
                              services->ownAssetsDirectory};
    if (std::ranges::none_of(folders, [&lease](const QString &folder) {
            return !folder.isEmpty() && isInside(folder, lease->asset);
        }))
        co_return fail(ErrorCode::OutsideWorkspace,
                       QStringLiteral("the asset %1 is outside of the workspace %2")
                           .arg(lease->asset, services->workspace));
    co_return lease;
}

QCoro::Task<Result<Lease>> openAsset(const Services *services, Json arguments,
                                     const TaskScope *scope)
{
    const Result<Lease> found = co_await findAsset(services, std::move(arguments), scope);
    if (!found)
        co_return found;
    const auto renewing = services->assets.leases.renew(found->asset);
    const Result<Lease> renewed = co_await renewing.wait(*scope);
    if (!renewed)
        co_return renewed;
    if (!QFileInfo::exists(found->asset)) {
        const Result<> back = co_await services->assets.cleaner.bringBack(found->asset);
        if (!back)
            co_return fail(back.error());
    }
    co_return renewed;
}

Json assetSchema()
{
    return {{"type", "string"},
            {"minLength", 1},
            {"description",
             "The asset's id (its file name), as outputs and list_leases give it, or "
             "its path"}};
}

Json leaseSchema()
{
    const Json text{{"type", "string"}};
    const Json flag{{"type", "boolean"}};
    return {{"asset", text},         {"path", text},
            {"mime_type", text},     {"bytes", {{"type", "integer"}}},
            {"notebook_path", text}, {"created_at", text},
            {"last_seen", text},     {"expires_at", {{"type", Json::array({"string", "null"})}}},
            {"active", flag},        {"pinned", flag}};
}

Json toJson(const Services &services, const Lease &lease)
{
    const assets::LeaseKeeper &leases = services.assets.leases;
    return {{"asset", QFileInfo(lease.asset).fileName()},
            {"path", lease.asset},
            {"mime_type", assets::mimeTypeOf(lease.asset)},
            {"bytes", lease.bytes},
            {"notebook_path", lease.notebookPath},
            {"created_at", toIso(lease.createdAt)},
            {"last_seen", toIso(lease.lastSeen)},
            {"expires_at",
             lease.isPinned() ? Json(nullptr) : Json(toIso(leases.wallTime(lease.expires)))},
            {"active", lease.expires > leases.now().lease},
            {"pinned", lease.isPinned()}};
}

}  // namespace celldeck::tools
