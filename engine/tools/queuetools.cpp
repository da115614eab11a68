#include "tools/queuetools.h"

#include "tools/taskargument.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;
using storage::TaskDetail;
using storage::TaskRecord;

namespace {

ToolResult resultOf(const TaskRecord &task, const QString &text)
{
    ToolResult result;
    result.structured = toJson(task);
    result.text = text;
    return result;
}

QCoro::Task<Result<ToolResult>> cancelExecution(const Services *services, Json arguments,
                                                CallContext context)
{
    const Result<TaskDetail> asked = co_await loadTask(services, arguments, context.scope);
    if (!asked)
        co_return fail(asked.error());
    const Waiter<> cancelling = services->queue.cancel(asked->task.id, actorOf(context));
    const Result<> cancelled = co_await cancelling.wait(*context.scope);
    // Not there any more: it has ended by itself, and says so.
    if (!cancelled && cancelled.error().code != ErrorCode::NotFound)
        co_return fail(cancelled.error());
    const auto loading = services->store.load(asked->task.id);
    const Result<TaskDetail> now = co_await loading.wait(*context.scope);
    if (!now)
        co_return fail(now.error());
    co_return resultOf(
        now->task,
        QStringLiteral("Task %1 is %2.").arg(nameOf(now->task), toText(now->task.state)));
}

QCoro::Task<Result<ToolResult>> cancelAll(const Services *services, Json arguments,
                                          CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const auto cancelling = services->queue.cancelAll(*path, actorOf(context));
    const Result<QList<storage::TaskId>> ids = co_await cancelling.wait(*context.scope);
    if (!ids)
        co_return fail(ids.error());
    Json names = Json::array();
    for (const storage::TaskId id : *ids)
        names.push_back(toText(id));
    ToolResult result;
    result.text = QStringLiteral("%1 tasks of %2 were asked to end.").arg(ids->size()).arg(*path);
    result.structured = {{"notebook_path", *path}, {"task_ids", std::move(names)}};
    co_return result;
}

QCoro::Task<Result<ToolResult>> replayTask(const Services *services, Json arguments,
                                           CallContext context)
{
    const Result<TaskDetail> asked = co_await loadTask(services, arguments, context.scope);
    if (!asked)
        co_return fail(asked.error());
    if (!isFinal(asked->task.state))
        co_return fail(ErrorCode::Conflict,
                       QStringLiteral("task %1 is %2: only a task that has ended can run again")
                           .arg(nameOf(asked->task), toText(asked->task.state)));
    storage::TaskDraft draft = storage::replayOf(asked->task);
    if (const auto code = findText(arguments, "code_override")) {
        draft.code = *code;
        draft.writeBack = false;  // The outputs are not those of the cell's own source.
    }
    const auto submitting = services->queue.submit({draft}, actorOf(context));
    const Result<QList<TaskRecord>> tasks = co_await submitting.wait(*context.scope);
    if (!tasks)
        co_return fail(tasks.error());
    co_return resultOf(tasks->first(), QStringLiteral("Task %1 runs task %2 again.")
                                           .arg(nameOf(tasks->first()), nameOf(asked->task)));
}

QCoro::Task<Result<ToolResult>> moveTask(const Services *services, Json arguments,
                                         CallContext context)
{
    const Result<TaskDetail> asked = co_await loadTask(services, arguments, context.scope);
    if (!asked)
        co_return fail(asked.error());
    const auto position = findInt(arguments, "position").value_or(0);
    const Waiter<> moving =
        services->queue.move(asked->task.id, qsizetype(position), actorOf(context));
    const Result<> moved = co_await moving.wait(*context.scope);
    if (!moved)
        co_return fail(moved.error());
    co_return resultOf(asked->task, QStringLiteral("Task %1 is at place %2 of what waits.")
                                        .arg(nameOf(asked->task))
                                        .arg(position));
}

/// The queue of one notebook, or of all if none is named.
QCoro::Task<Result<ToolResult>> setFlow(const Services *services, Json arguments,
                                        CallContext context, storage::Flow flow)
{
    QString path;
    if (find(arguments, "notebook_path")) {
        const auto named = notebookPath(*services, arguments);
        if (!named)
            co_return fail(named.error());
        path = *named;
    }
    const Waiter<> setting = services->queue.setFlow(path, flow, actorOf(context));
    const Result<> set = co_await setting.wait(*context.scope);
    if (!set)
        co_return fail(set.error());
    const storage::QueueOrders &orders = services->queue.orders();
    Json paused = Json::array();
    for (const QString &one : orders.pausedNotebooks)
        paused.push_back(one);
    ToolResult result;
    const QString whose = path.isEmpty() ? QStringLiteral("all notebooks") : path;
    result.text = flow == storage::Flow::Paused
                      ? QStringLiteral(
                            "The queue of %1 is paused: what runs goes on, nothing else "
                            "begins.")
                            .arg(whose)
                      : QStringLiteral("The queue of %1 goes on.").arg(whose);
    result.structured = {{"all_paused", orders.flow == storage::Flow::Paused},
                         {"paused_notebooks", std::move(paused)}};
    co_return result;
}

QCoro::Task<Result<ToolResult>> pauseQueue(const Services *services, Json arguments,
                                           CallContext context)
{
    return setFlow(services, std::move(arguments), std::move(context), storage::Flow::Paused);
}

QCoro::Task<Result<ToolResult>> resumeQueue(const Services *services, Json arguments,
                                            CallContext context)
{
    return setFlow(services, std::move(arguments), std::move(context), storage::Flow::Runs);
}

QCoro::Task<Result<ToolResult>> setStopOnError(const Services *services, Json arguments,
                                               CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const bool enabled = findBool(arguments, "enabled").value_or(true);
    const Waiter<> setting = services->queue.setOnError(
        *path, enabled ? storage::OnError::Stop : storage::OnError::GoOn, actorOf(context));
    const Result<> set = co_await setting.wait(*context.scope);
    if (!set)
        co_return fail(set.error());
    ToolResult result;
    result.text = enabled ? QStringLiteral("A cell of %1 that fails cancels what waits.").arg(*path)
                          : QStringLiteral("A cell of %1 that fails cancels nothing.").arg(*path);
    result.structured = {{"notebook_path", *path}, {"enabled", enabled}};
    co_return result;
}

Json taskIdSchema()
{
    return {{"type", "string"}, {"minLength", 1}};
}

void addTools(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(
        {.name = QStringLiteral("cancel_execution"),
         .title = QStringLiteral("Cancel execution"),
         .description = QStringLiteral(
             "Ends one task: one that waits never runs, one that runs is interrupted and keeps "
             "what it has printed. Returns when it has ended. Other tasks are not touched. "
             "Example: {\"notebook_path\": \"analysis.ipynb\", \"task_id\": \"01a2b3c4d5e6\"}"),
         .inputSchema = object({{"notebook_path", pathSchema()}, {"task_id", taskIdSchema()}},
                               Json::array({"task_id"})),
         .outputSchema = taskObject(Json::object()),
         .destructive = true,
         .idempotent = true,
         .call = toolFunction(cancelExecution, services)});
    registry.add(
        {.name = QStringLiteral("cancel_all"),
         .title = QStringLiteral("Cancel all"),
         .description = QStringLiteral("Ends every task of a notebook that waits or runs. "
                                       "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
         .inputSchema = object({{"notebook_path", pathSchema()}}, Json::array({"notebook_path"})),
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"notebook_path", {{"type", "string"}}},
                            {"task_ids", {{"type", "array"}, {"items", {{"type", "string"}}}}}}},
                          {"required", Json::array({"notebook_path", "task_ids"})}},
         .destructive = true,
         .idempotent = true,
         .call = toolFunction(cancelAll, services)});
    registry.add(
        {.name = QStringLiteral("replay_task"),
         .title = QStringLiteral("Replay task"),
         .description = QStringLiteral(
             "Runs a task that has ended again, as a new task that is linked to it by replay_of; "
             "the old one and its outputs stay. Example: {\"task_id\": \"01a2b3c4d5e6\"}"),
         .inputSchema = object(
             {{"notebook_path", pathSchema()},
              {"task_id", taskIdSchema()},
              {"code_override", described("string", "Code to run instead of the task's own")}},
             Json::array({"task_id"})),
         .outputSchema = taskObject(Json::object()),
         .call = toolFunction(replayTask, services)});
    registry.add({.name = QStringLiteral("move_task"),
                  .title = QStringLiteral("Move task"),
                  .description = QStringLiteral(
                      "Gives a task that waits another place in its notebook's queue. "
                      "Example: {\"task_id\": \"01a2b3c4d5e6\", \"position\": 0}"),
                  .inputSchema = object({{"task_id", taskIdSchema()},
                                         {"position",
                                          {{"type", "integer"},
                                           {"minimum", 0},
                                           {"maximum", 1'000'000},
                                           {"description",
                                            "0: the next to run; more than there are: the "
                                            "last"}}}},
                                        Json::array({"task_id", "position"})),
                  .outputSchema = taskObject(Json::object()),
                  .idempotent = true,
                  .call = toolFunction(moveTask, services)});
}

void addOrders(mcp::ToolRegistry &registry, const Services &services)
{
    const Json flowSchema = {
        {"type", "object"},
        {"properties",
         {{"all_paused", {{"type", "boolean"}}},
          {"paused_notebooks", {{"type", "array"}, {"items", {{"type", "string"}}}}}}},
        {"required", Json::array({"all_paused", "paused_notebooks"})}};
    registry.add({.name = QStringLiteral("pause_queue"),
                  .title = QStringLiteral("Pause queue"),
                  .description = QStringLiteral(
                      "What runs goes on, nothing else begins: in one notebook, or in all if none "
                      "is named. Kept across restarts. "
                      "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
                  .inputSchema = object({{"notebook_path", pathSchema()}}, Json::array()),
                  .outputSchema = flowSchema,
                  .idempotent = true,
                  .call = toolFunction(pauseQueue, services)});
    registry.add({.name = QStringLiteral("resume_queue"),
                  .title = QStringLiteral("Resume queue"),
                  .description = QStringLiteral(
                      "Lets a paused queue go on: that of one notebook, or, if none is named, "
                      "the pause of all (notebooks paused one by one stay so). Example: {}"),
                  .inputSchema = object({{"notebook_path", pathSchema()}}, Json::array()),
                  .outputSchema = flowSchema,
                  .idempotent = true,
                  .call = toolFunction(resumeQueue, services)});
    registry.add(
        {.name = QStringLiteral("set_stop_on_error"),
         .title = QStringLiteral("Set stop on error"),
         .description = QStringLiteral(
             "Whether a cell that fails cancels all that waits in its notebook. Without it each "
             "run_all_cells stops at its own first error and touches nothing else. Kept across "
             "restarts. Example: {\"notebook_path\": \"analysis.ipynb\", \"enabled\": true}"),
         .inputSchema =
             object({{"notebook_path", pathSchema()}, {"enabled", {{"type", "boolean"}}}},
                    Json::array({"notebook_path", "enabled"})),
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"notebook_path", {{"type", "string"}}},
                            {"enabled", {{"type", "boolean"}}}}},
                          {"required", Json::array({"notebook_path", "enabled"})}},
         .idempotent = true,
         .call = toolFunction(setStopOnError, services)});
}

}  // namespace

void addQueueTools(mcp::ToolRegistry &registry, const Services &services)
{
    addTools(registry, services);
    addOrders(registry, services);
}

}  // namespace celldeck::tools
