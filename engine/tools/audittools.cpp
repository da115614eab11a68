#include "tools/audittools.h"

#include "base/isotime.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;
using storage::AuditEntry;

namespace {

constexpr int DefaultPage = 100;
constexpr int MaxPage = 1'000;

Json textOrNull(const QString &text)
{
    return text.isEmpty() ? Json(nullptr) : Json(text);
}

Json toJson(const AuditEntry &entry)
{
    return {{"at", toIso(entry.at)},
            {"actor", toText(entry.by.role)},
            {"client", textOrNull(entry.by.client)},
            {"action", toText(entry.action)},
            {"notebook_path", textOrNull(entry.notebookPath)},
            {"object", textOrNull(entry.object)},
            {"count", entry.count},
            {"detail", textOrNull(entry.detail)}};
}

QString lineOf(const AuditEntry &entry)
{
    QStringList words{toIso(entry.at), toText(entry.by.role), entry.by.client, toText(entry.action),
                      entry.object,    entry.notebookPath,    entry.detail};
    words.removeAll(QString());
    return words.join(QLatin1Char(' '));
}

Result<storage::AuditFilter> filterOf(const Services &services, const Json &arguments)
{
    storage::AuditFilter filter;
    filter.limit = static_cast<int>(findInt(arguments, "limit").value_or(DefaultPage));
    filter.client = celldeck::textOf(arguments, "client");
    filter.role = storage::parseRole(celldeck::textOf(arguments, "actor"));
    if (find(arguments, "notebook_path")) {
        const auto path = notebookPath(services, arguments);
        if (!path)
            return fail(path.error());
        filter.notebookPath = *path;
    }
    if (const auto cursor = findText(arguments, "cursor")) {
        bool isNumber = false;
        filter.before = cursor->toLongLong(&isNumber);
        if (!isNumber || filter.before < 2)
            return fail(ErrorCode::InvalidArgument,
                        QStringLiteral("cursor is \"%1\": it should be the next_cursor of an "
                                       "earlier get_audit_log")
                            .arg(*cursor));
    }
    if (const auto since = findText(arguments, "since")) {
        const auto time = parseIso(*since, QStringLiteral("since"));
        if (!time)
            return fail(time.error());
        filter.since = *time;
    }
    return filter;
}

QCoro::Task<Result<ToolResult>> getAuditLog(const Services *services, Json arguments,
                                            CallContext context)
{
    const auto filter = filterOf(*services, arguments);
    if (!filter)
        co_return fail(filter.error());
    const auto listing = services->audit.list(*filter);
    const Result<QList<AuditEntry>> entries = co_await listing.wait(*context.scope);
    if (!entries)
        co_return fail(entries.error());
    Json list = Json::array();
    QStringList lines;
    for (const AuditEntry &entry : *entries) {
        list.push_back(toJson(entry));
        lines << lineOf(entry);
    }
    const bool more = entries->size() == filter->limit;
    ToolResult result;
    result.structured = {
        {"entries", std::move(list)},
        {"next_cursor", more ? Json(QString::number(entries->last().place)) : Json(nullptr)}};
    result.text =
        lines.isEmpty() ? QStringLiteral("No action matches.") : lines.join(QLatin1Char('\n'));
    co_return result;
}

Json entrySchema()
{
    const Json text{{"type", "string"}};
    const Json orNull{{"type", Json::array({"string", "null"})}};
    return {
        {"type", "object"},
        {"properties",
         {{"at", text},
          {"actor", {{"type", "string"}, {"enum", Json::array({"agent", "operator", "system"})}}},
          {"client", orNull},
          {"action", text},
          {"notebook_path", orNull},
          {"object", orNull},
          {"count", described("integer", "Of how many tasks, e.g. of one run_all_cells")},
          {"detail", orNull}}},
        {"required", Json::array({"at", "actor", "action"})}};
}

}  // namespace

void addAuditTools(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(
        {.name = QStringLiteral("get_audit_log"),
         .title = QStringLiteral("Audit log"),
         .description = QStringLiteral(
             "Who (agent, operator or system, and which client) did what to which task, asset or "
             "kernel, newest first, a page at a time. Previews and refusals are no actions. "
             "Example: {\"actor\": \"operator\", \"limit\": 20}"),
         .inputSchema = pageArguments(
             {{"since", described("string", "ISO 8601 time of the oldest action")},
              {"actor",
               {{"type", "string"}, {"enum", Json::array({"agent", "operator", "system"})}}},
              {"client", described("string", "Only actions of the client of that name")},
              {"notebook_path", pathSchema()}},
             DefaultPage, MaxPage),
         .outputSchema = page("entries", entrySchema()),
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(getAuditLog, services)});
}

}  // namespace celldeck::tools
