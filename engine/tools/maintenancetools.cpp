#include "tools/maintenancetools.h"

#include <QDateTime>
#include <QDir>

#include "async/background.h"
#include "storage/maintenance.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;

namespace {

constexpr int MaxHours = 24 * 365 * 100;

QCoro::Task<Result<ToolResult>> cleanupTasks(const Services *services, Json arguments,
                                             CallContext context)
{
    storage::Retention retention;
    if (const auto hours = findInt(arguments, "age_hours"))
        retention.completed = std::chrono::hours(*hours);
    if (const auto hours = findInt(arguments, "failed_age_hours"))
        retention.others = std::chrono::hours(*hours);
    const bool preview = findBool(arguments, "dry_run").value_or(false);
    const auto cleaning = services->cleaner.runOnce(
        retention, preview ? storage::CleanupMode::Preview : storage::CleanupMode::Remove,
        services->clock.now(), actorOf(context));
    const Result<storage::CleanupReport> report = co_await cleaning.wait(*context.scope);
    if (!report)
        co_return fail(report.error());
    ToolResult result;
    result.text = preview ? QStringLiteral("%1 tasks would be removed.").arg(report->tasks)
                          : QStringLiteral("%1 tasks are removed.").arg(report->tasks);
    result.structured = {{"tasks", report->tasks},
                         {"cells", report->cells},
                         {"bytes_before", report->bytesBefore},
                         {"bytes_after", report->bytesAfter},
                         {"dry_run", preview}};
    co_return result;
}

/// Where a backup goes: in the workspace, or among the data folder's own backups, where it also
/// goes if no path is given.
Result<QString> backupPath(const Services &services, const QString &given)
{
    QString path = QDir::cleanPath(QDir(services.workspace).absoluteFilePath(given));
    if (given.isEmpty()) {
        if (!QDir().mkpath(services.backupDirectory))
            return fail(
                ErrorCode::Io,
                QStringLiteral("the folder %1 cannot be made").arg(services.backupDirectory));
        path = services.backupDirectory + QStringLiteral("/state-") +
               QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz")) +
               QStringLiteral(".db");
    }
    const QFileInfo info(path);
    const QString folder = QFileInfo(info.absolutePath()).canonicalFilePath();
    const QString whole = folder + QLatin1Char('/') + info.fileName();
    const QString backups = QFileInfo(services.backupDirectory).canonicalFilePath();
    const bool isBackup = !backups.isEmpty() && isInside(backups, whole);
    if (folder.isEmpty() || (!isInside(services.workspace, whole) && !isBackup))
        return fail(
            ErrorCode::OutsideWorkspace,
            QStringLiteral("%1 is in no folder of the workspace %2").arg(path, services.workspace));
    return whole;
}

QCoro::Task<Result<ToolResult>> backupDatabase(const Services *services, Json arguments,
                                               CallContext context)
{
    const auto target = backupPath(*services, celldeck::textOf(arguments, "path"));
    if (!target)
        co_return fail(target.error());
    const auto copying = inBackground<qint64>([file = services->databaseFile, target = *target,
                                               by = actorOf(context)]() -> Result<qint64> {
        if (const Result<> done = storage::backUp(file, target, by); !done)
            return fail(done.error());
        return QFileInfo(target).size();
    });
    const Result<qint64> bytes = co_await copying.wait(*context.scope);
    if (!bytes)
        co_return fail(bytes.error());
    ToolResult result;
    result.text = QStringLiteral("%1: %2 bytes, checked.").arg(*target).arg(*bytes);
    result.structured = {{"path", *target}, {"bytes", *bytes}};
    co_return result;
}

void addBackup(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(
        {.name = QStringLiteral("backup_database"),
         .title = QStringLiteral("Back up database"),
         .description = QStringLiteral(
             "Copies the queue's database while it is in use, and checks the copy. Never writes "
             "over a file. Example: {\"path\": \"monday.db\"}"),
         .inputSchema = object(
             {{"path", described("string",
                                 "A new file in the workspace; without it: one in the backups of "
                                 "the data folder")}},
             Json::array()),
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"path", {{"type", "string"}}}, {"bytes", {{"type", "integer"}}}}},
                          {"required", Json::array({"path", "bytes"})}},
         .call = toolFunction(backupDatabase, services)});
}

}  // namespace

void addMaintenanceTools(mcp::ToolRegistry &registry, const Services &services)
{
    addBackup(registry, services);
    const Json hours{{"type", "integer"}, {"minimum", 0}, {"maximum", MaxHours}};
    Json completed = hours;
    completed["default"] = 24;
    completed["description"] = "Completed tasks are kept so long after their end";
    Json failed = hours;
    failed["default"] = 168;
    failed["description"] = "Failed, cancelled and interrupted ones are kept so long";
    const Json number{{"type", "integer"}};
    registry.add(
        {.name = QStringLiteral("cleanup_tasks"),
         .title = QStringLiteral("Clean up tasks"),
         .description = QStringLiteral(
             "Removes tasks that have ended long ago from the queue's records; notebooks are not "
             "touched. With dry_run it only counts. Example: {\"age_hours\": 24, \"dry_run\": "
             "true}"),
         .inputSchema = object({{"age_hours", completed},
                                {"failed_age_hours", failed},
                                {"dry_run", {{"type", "boolean"}, {"default", false}}}},
                               Json::array()),
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"tasks", number},
                            {"cells", number},
                            {"bytes_before", number},
                            {"bytes_after", number},
                            {"dry_run", {{"type", "boolean"}}}}},
                          {"required", Json::array({"tasks"})}},
         .destructive = true,
         .idempotent = true,
         .call = toolFunction(cleanupTasks, services)});
}

}  // namespace celldeck::tools
