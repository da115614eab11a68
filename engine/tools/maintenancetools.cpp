#include "tools/maintenancetools.h"

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

}  // namespace

void addMaintenanceTools(mcp::ToolRegistry &registry, const Services &services)
{
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
