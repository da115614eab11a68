#include "tools/importtools.h"

#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;
using storage::ImportedTask;
using storage::SkippedTask;

namespace {

constexpr int MaxTasks = 1'000;

QCoro::Task<Result<ToolResult>> importTasks(const Services *services, Json arguments,
                                            CallContext context)
{
    QList<ImportedTask> imported;
    QList<SkippedTask> refused;
    const Json *given = find(arguments, "tasks");
    for (const Json &one : *given) {
        auto task = storage::importedTaskOf(one);
        if (!task)
            co_return fail(task.error());
        const auto path = pathInWorkspace(*services, task->draft.notebookPath);
        if (!path) {
            refused.append({.key = task->draft.key, .why = path.error().message});
            continue;
        }
        task->draft.notebookPath = *path;
        imported.append(std::move(*task));
    }
    // All calls of one import are one entry of the audit log: they have begun at the same time.
    const UtcTime now = services->clock.now();
    const auto begun = findInt(arguments, "begun_ms");
    const auto importing = services->queue.importTasks(
        std::move(imported), {.by = actorOf(context),
                              .action = storage::Action::Import,
                              .at = begun ? std::min(now, UtcTime(Milliseconds(*begun))) : now,
                              .object = celldeck::textOf(arguments, "source")});
    Result<storage::ImportReport> report = co_await importing.wait(*context.scope);
    if (!report)
        co_return fail(report.error());
    report->skipped = refused + report->skipped;
    ToolResult result;
    result.structured = toJson(*report);
    result.text = QStringLiteral(
                      "%1 tasks are taken over, %2 of them to run; %3 were there "
                      "already, %4 are skipped.")
                      .arg(report->imported)
                      .arg(report->pending.size())
                      .arg(report->present)
                      .arg(report->skipped.size());
    co_return result;
}

Json importedSchema()
{
    const Json text{{"type", "string"}};
    const Json number{{"type", "integer"}};
    const Json numberOrNull{{"type", Json::array({"integer", "null"})}};
    return object({{"task_id", {{"type", "string"}, {"minLength", 1}, {"maxLength", 200}}},
                   {"notebook_path", pathSchema()},
                   {"cell_index", number},
                   {"code", text},
                   {"status",
                    {{"type", "string"},
                     {"enum", Json::array({"pending", "completed", "failed", "cancelled", "timeout",
                                           "interrupted"})}}},
                   {"created_ms", described("integer", "Milliseconds since 1970")},
                   {"started_ms", numberOrNull},
                   {"completed_ms", numberOrNull},
                   {"error_message", text},
                   {"execution_count", numberOrNull},
                   {"outputs_json", described("string", "An array of nbformat outputs, as text")},
                   {"retries", number}},
                  Json::array({"task_id", "notebook_path", "code", "status", "created_ms"}));
}

}  // namespace

void addImportTools(mcp::ToolRegistry &registry, const Services &services)
{
    const Json number{{"type", "integer"}};
    registry.add(
        {.name = QStringLiteral("import_tasks"),
         .title = QStringLiteral("Import tasks"),
         .description = QStringLiteral(
             "Takes over tasks of another server, with their history; pending ones run in their "
             "order. A task_id that is there already is left alone, so that an import can be "
             "repeated. This is what celldeck import uses. Example: {\"tasks\": [{\"task_id\": "
             "\"a\", \"notebook_path\": \"analysis.ipynb\", \"code\": \"1\", \"status\": "
             "\"pending\", \"created_ms\": 1795500000000}]}"),
         .inputSchema = object(
             {{"tasks", {{"type", "array"}, {"maxItems", MaxTasks}, {"items", importedSchema()}}},
              {"source", described("string", "Where they are from, for the audit log")},
              {"begun_ms", described("integer", "When the import has begun, ms since 1970")}},
             Json::array({"tasks"})),
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"imported", number},
                            {"pending", number},
                            {"present", number},
                            {"skipped", {{"type", "array"}, {"items", {{"type", "object"}}}}}}},
                          {"required", Json::array({"imported", "pending", "present", "skipped"})}},
         .idempotent = true,
         .call = toolFunction(importTasks, services)});
}

}  // namespace celldeck::tools
