#include "tools/submissiontools.h"

#include <climits>

#include "kernels/environment.h"
#include "tasks/notebookdrafts.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;
using storage::TaskRecord;

namespace {

/// The cell that `index` or `cell_id` names.
Result<int> cellIndex(const notebooks::Notebook &notebook, const QString &path,
                      const Json &arguments)
{
    const auto index = findInt(arguments, "index");
    const QString id = celldeck::textOf(arguments, "cell_id");
    if (index.has_value() == !id.isEmpty())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("give either index or cell_id, not both and not neither"));
    if (index)
        return static_cast<int>(std::clamp<std::int64_t>(*index, -1, INT_MAX));
    for (int i = 0; i < notebook.cells.size(); ++i) {
        if (notebook.cells[i].id == id)
            return i;
    }
    return fail(ErrorCode::NotFound,
                QStringLiteral("%1 has no cell with the id \"%2\"").arg(path, id));
}

Result<tasks::DraftOptions> draftOptions(const notebooks::Notebook &notebook, const QString &path,
                                         const Json &arguments)
{
    tasks::DraftOptions options;
    const auto kernel = tasks::kernelNameOf(notebook, path);
    if (!kernel)
        return fail(kernel.error());
    options.kernelName = *kernel;
    if (const auto seconds = findNumber(arguments, "timeout_s"))
        options.limit = Milliseconds(static_cast<qint64>(*seconds * 1000));
    return options;
}

QCoro::Task<Result<ToolResult>> runCell(const Services *services, Json arguments,
                                        CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const auto loading = loadInBackground(*path);
    const Result<notebooks::Notebook> notebook = co_await loading.wait(*context.scope);
    if (!notebook)
        co_return fail(notebook.error());
    const auto index = cellIndex(*notebook, *path, arguments);
    if (!index)
        co_return fail(index.error());
    const auto options = draftOptions(*notebook, *path, arguments);
    if (!options)
        co_return fail(options.error());
    auto draft = tasks::draftOf(*notebook, *path, *index, *options);
    if (!draft)
        co_return fail(draft.error());
    draft->key = celldeck::textOf(arguments, "task_id_override");
    if (const auto code = findText(arguments, "code_override")) {
        draft->code = *code;
        draft->writeBack = false;  // The outputs are not those of the cell's own source.
    }
    const auto submitting = services->queue.submit({*draft}, actorOf(context));
    const Result<QList<TaskRecord>> tasks = co_await submitting.wait(*context.scope);
    if (!tasks)
        co_return fail(tasks.error());
    const TaskRecord task = tasks->first();
    ToolResult result;
    result.structured = toJson(task);
    result.text = QStringLiteral("Task %1 (cell %2) is %3. wait_for_task tells when it has ended.")
                      .arg(nameOf(task))
                      .arg(task.cellIndex)
                      .arg(toText(task.state));
    co_return result;
}

ToolResult queued(const QString &path, const QList<TaskRecord> &tasks)
{
    Json ids = Json::array();
    for (const TaskRecord &task : tasks)
        ids.push_back(nameOf(task));
    ToolResult result;
    result.text = QStringLiteral("%1 cells of %2 are queued; the last task is %3.")
                      .arg(tasks.size())
                      .arg(path, nameOf(tasks.last()));
    result.structured = {{"notebook_path", path}, {"task_ids", std::move(ids)}};
    return result;
}

QCoro::Task<Result<ToolResult>> runAllCells(const Services *services, Json arguments,
                                            CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const auto loading = loadInBackground(*path);
    const Result<notebooks::Notebook> notebook = co_await loading.wait(*context.scope);
    if (!notebook)
        co_return fail(notebook.error());
    const auto options = draftOptions(*notebook, *path, arguments);
    if (!options)
        co_return fail(options.error());
    const QList<storage::TaskDraft> drafts = tasks::draftsOf(*notebook, *path, *options);
    if (drafts.isEmpty())
        co_return fail(ErrorCode::NotFound,
                       QStringLiteral("%1 has no code cell to run").arg(*path));
    const auto submitting = services->queue.submit(drafts, actorOf(context));
    const Result<QList<TaskRecord>> tasks = co_await submitting.wait(*context.scope);
    if (!tasks)
        co_return fail(tasks.error());
    co_return queued(*path, *tasks);
}

/// A cell as the caller has it, whatever the file says.
Result<storage::TaskDraft> givenDraft(const QString &path, const Json &cell)
{
    storage::TaskDraft draft;
    draft.notebookPath = path;
    draft.cellIndex = static_cast<int>(findInt(cell, "index").value_or(-1));
    draft.cellId = celldeck::textOf(cell, "cell_id");
    draft.code = celldeck::textOf(cell, "code");
    draft.stopOnError = findBool(cell, "stop_on_error").value_or(true);
    draft.writeBack = false;
    if (const auto seconds = findNumber(cell, "timeout_s"))
        draft.limit = Milliseconds(static_cast<qint64>(*seconds * 1000));
    if (const auto kernel = findText(cell, "kernel_name")) {
        const auto spec = kernels::resolveKernel(*kernel);
        if (!spec)
            return fail(spec.error());
        draft.kernelName = *kernel;
    }
    if (const auto old = findText(cell, "replay_of")) {
        const auto id = storage::parseTaskId(*old);
        if (!id)
            return fail(id.error());
        draft.replayOf = *id;
    }
    return draft;
}

QCoro::Task<Result<ToolResult>> runCells(const Services *services, Json arguments,
                                         CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    QList<storage::TaskDraft> drafts;
    const Json *cells = find(arguments, "cells");
    for (const Json &cell : *cells) {
        auto draft = givenDraft(*path, cell);
        if (!draft)
            co_return fail(draft.error());
        drafts << std::move(*draft);
    }
    const auto submitting = services->queue.submit(std::move(drafts), actorOf(context));
    const Result<QList<TaskRecord>> tasks = co_await submitting.wait(*context.scope);
    if (!tasks)
        co_return fail(tasks.error());
    co_return queued(*path, *tasks);
}

Json limitSchema()
{
    return {{"type", "number"},
            {"exclusiveMinimum", 0},
            {"description", "Ends the cell as timeout after so many seconds; none if left out"}};
}

Json givenCellSchema()
{
    return object({{"index", {{"type", "integer"}, {"minimum", 0}, {"maximum", INT_MAX}}},
                   {"cell_id", {{"type", "string"}}},
                   {"code", {{"type", "string"}}},
                   {"kernel_name",
                    described("string",
                              "Kernelspec to start if the notebook has no kernel; without it: the "
                              "notebook's own")},
                   {"timeout_s", limitSchema()},
                   {"stop_on_error", {{"type", "boolean"}, {"default", true}}},
                   {"replay_of", described("string", "Id of the task that it runs again")}},
                  Json::array({"code"}));
}

Json queuedSchema()
{
    return {{"type", "object"},
            {"properties",
             {{"notebook_path", {{"type", "string"}}},
              {"task_ids", {{"type", "array"}, {"items", {{"type", "string"}}}}}}},
            {"required", Json::array({"notebook_path", "task_ids"})}};
}

}  // namespace

void addSubmissionTools(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(
        {.name = QStringLiteral("run_cell_async"),
         .title = QStringLiteral("Run cell"),
         .description = QStringLiteral(
             "Queues one code cell and returns its task at once, durably: the task survives a "
             "crash of the server. Name the cell by index (among all cells, from 0) or by cell_id. "
             "Starts the kernel if there is none. "
             "Example: {\"notebook_path\": \"analysis.ipynb\", \"index\": 3}"),
         .inputSchema =
             object({{"notebook_path", pathSchema()},
                     {"index", {{"type", "integer"}, {"minimum", 0}}},
                     {"cell_id", {{"type", "string"}, {"minLength", 1}}},
                     {"code_override",
                      described("string",
                                "Code to run instead of the cell's own; its outputs are not "
                                "written into the notebook")},
                     {"task_id_override",
                      {{"type", "string"},
                       {"minLength", 1},
                       {"maxLength", 200},
                       {"description",
                        "Your own id for the task: the same id with the same content gives "
                        "the same task, so that a retry never runs a cell twice"}}},
                     {"timeout_s", limitSchema()}},
                    Json::array({"notebook_path"})),
         .outputSchema = taskObject(Json::object()),
         .call = toolFunction(runCell, services)});
    registry.add(
        {.name = QStringLiteral("run_all_cells"),
         .title = QStringLiteral("Run all cells"),
         .description = QStringLiteral(
             "Queues every code cell of a notebook, in order, and returns the tasks at once. The "
             "first cell that fails cancels the rest, unless it is tagged raises-exception. "
             "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
         .inputSchema = object({{"notebook_path", pathSchema()}, {"timeout_s", limitSchema()}},
                               Json::array({"notebook_path"})),
         .outputSchema = queuedSchema(),
         .call = toolFunction(runAllCells, services)});
    registry.add(
        {.name = QStringLiteral("run_cells"),
         .title = QStringLiteral("Run given cells"),
         .description = QStringLiteral(
             "Queues cells as the caller has them, in order and at once, whatever the file says: "
             "for the buffer of an editor, or for a run whose outputs go elsewhere. They are not "
             "written into the notebook. A cell that fails cancels those behind it, unless its "
             "stop_on_error is false. This is what celldeck run uses. Example: {\"notebook_path\": "
             "\"analysis.ipynb\", \"cells\": [{\"index\": 0, \"code\": \"n = 3\"}]}"),
         .inputSchema =
             object({{"notebook_path", pathSchema()},
                     {"cells", {{"type", "array"}, {"minItems", 1}, {"items", givenCellSchema()}}}},
                    Json::array({"notebook_path", "cells"})),
         .outputSchema = queuedSchema(),
         .call = toolFunction(runCells, services)});
}

}  // namespace celldeck::tools
