#include "tools/tasktools.h"

#include "base/isotime.h"
#include "kernels/payload.h"
#include "tools/taskargument.h"
#include "tools/taskprogress.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;
using storage::TaskDetail;
using storage::TaskRecord;

namespace {

constexpr double DefaultWaitSeconds = 60;
constexpr double MaxWaitSeconds = 3600;
constexpr int DefaultPage = 50;
constexpr int MaxPage = 500;

Json adoptedJson(const QList<storage::Adoption> &adopted)
{
    Json list = Json::array();
    for (const storage::Adoption &adoption : adopted) {
        auto outputs = parseJson(adoption.outputs);
        list.push_back(
            {{"parent_id", QString::fromUtf8(adoption.parent)},
             {"since", toIso(adoption.since)},
             {"outputs", outputs ? assets::shownWithoutFiles(*outputs) : Json::array()}});
    }
    return list;
}

/// Each with its pages cut to what is shown of an output.
Json shownPayload(Json payload)
{
    const Json pages = assets::shownWithoutFiles(kernels::readablePayload(payload));
    for (size_t i = 0; i < payload.size(); ++i) {
        if (celldeck::textOf(payload[i], "source") == QLatin1String("page"))
            payload[i]["data"] = pages[i]["data"];
    }
    return payload;
}

struct Shown
{
    Json outputs;
};

/// What is big is a preview, and a file that has been there since the task ended, or is made now.
/// Where none can be made, the preview is all that there is to see.
QCoro::Task<Result<Shown>> shownOutputs(const Services *services, TaskDetail detail,
                                        const TaskScope *scope)
{
    const QString &notebook = detail.task.notebookPath;
    if (!isFinal(detail.task.state))
        co_return Shown{
            assets::shownWithoutFiles(services->queue.liveOutputs(notebook, detail.task.id))};
    const Result<Json> recorded = parseJson(detail.outputs);
    if (!recorded)
        co_return fail(recorded.error());
    const auto handing = services->assets.files.handOver(notebook, *recorded, storage::TaskId());
    const Result<assets::HandedOver> handed = co_await handing.wait(*scope);
    if (!handed && handed.error().code == ErrorCode::Cancelled)
        co_return fail(handed.error());
    co_return Shown{handed ? handed->shown : assets::shownWithoutFiles(*recorded)};
}

QCoro::Task<Result<ToolResult>> resultOf(const Services *services, TaskDetail detail, bool timedOut,
                                         const TaskScope *scope)
{
    const Result<Shown> shown = co_await shownOutputs(services, detail, scope);
    if (!shown)
        co_return fail(shown.error());
    ToolResult result;
    result.structured = toJson(detail.task);
    result.text =
        QStringLiteral("Task %1 is %2.").arg(nameOf(detail.task), toText(detail.task.state));
    if (!detail.task.error.isEmpty())
        result.text += QLatin1Char(' ') + detail.task.error;
    if (const QString text = assets::readable(shown->outputs); !text.isEmpty())
        result.text += QLatin1Char('\n') + text;
    result.structured["outputs"] = shown->outputs;
    result.structured["timed_out"] = timedOut;
    const Result<Json> payload = parseJson(detail.payload);
    if (!payload)
        co_return fail(payload.error());
    const Json pages = assets::shownWithoutFiles(kernels::readablePayload(*payload));
    if (!pages.empty())
        result.text += QLatin1Char('\n') + assets::readable(pages);
    result.structured["payload"] = shownPayload(*payload);
    std::optional<kernels::InputRequest> input;
    bool mayHaveAsked = false;
    if (const tasks::Session *session = services->queue.find(detail.task.notebookPath)) {
        input = session->input(detail.task.id);
        mayHaveAsked = session->mayHaveAsked(detail.task.id);
    }
    if (input)
        result.text +=
            QStringLiteral("\nIt waits for %1: \"%2\". submit_input answers.")
                .arg(input->isPassword ? QStringLiteral("a password") : QStringLiteral("input"),
                     input->prompt);
    else if (mayHaveAsked)
        result.text += QStringLiteral(
            "\nIt may wait for input: it ran while no engine listened, or was interrupted while it "
            "asked. submit_input answers it once.");
    result.structured["input_request"] = inputJson(input);
    result.structured["may_have_asked"] = mayHaveAsked;
    const auto looking = services->adoptions.of(detail.task.id);
    const auto adopted = co_await looking.wait(*scope);
    if (!adopted)
        co_return fail(adopted.error());
    if (!adopted->isEmpty())
        result.structured["adopted"] = adoptedJson(*adopted);
    co_return result;
}

QCoro::Task<Result<ToolResult>> executionStatus(const Services *services, Json arguments,
                                                CallContext context)
{
    const Result<TaskDetail> detail = co_await loadTask(services, arguments, context.scope);
    if (!detail)
        co_return fail(detail.error());
    co_return co_await resultOf(services, *detail, false, context.scope);
}

/// Resolves when the task has come to what the argument `until` names.
QCoro::Task<Result<>> reach(const Services *services, storage::TaskId task, QString until,
                            Milliseconds limit, const TaskScope *scope)
{
    if (until == QLatin1String("ended")) {
        const auto ending = services->queue.finished(task);
        const Result<TaskRecord> ended = co_await ending.wait(*scope, limit);
        co_return ended ? Result<>() : fail(ended.error());
    }
    if (until == QLatin1String("started")) {
        const Waiter<> beginning = services->queue.begun(task);
        const auto loading = services->store.load(task);
        const Result<TaskDetail> now = co_await loading.wait(*scope);
        if (!now)
            co_return fail(now.error());
        if (now->task.state != storage::TaskState::Pending)
            co_return Result<>();
        co_return co_await beginning.wait(*scope, limit);
    }
    const Waiter<> ending = services->queue.finishedOrAsking(task);
    co_return co_await ending.wait(*scope, limit);
}

QCoro::Task<Result<ToolResult>> waitForTask(const Services *services, Json arguments,
                                            CallContext context)
{
    const Result<TaskDetail> before = co_await loadTask(services, arguments, context.scope);
    if (!before)
        co_return fail(before.error());
    const double seconds = findNumber(arguments, "timeout_s").value_or(DefaultWaitSeconds);
    const auto limit = Milliseconds(static_cast<qint64>(seconds * 1000));
    const TaskProgress progress(services->queue, before->task, context);
    const Result<> reached = co_await reach(
        services, before->task.id, celldeck::textOf(arguments, "until"), limit, context.scope);
    if (!reached && reached.error().code != ErrorCode::Timeout)
        co_return fail(reached.error());
    const auto loading = services->store.load(before->task.id);
    const Result<TaskDetail> detail = co_await loading.wait(*context.scope);
    if (!detail)
        co_return fail(detail.error());
    co_return co_await resultOf(services, *detail, !reached, context.scope);
}

Result<storage::TaskFilter> filterOf(const Services &services, const Json &arguments)
{
    storage::TaskFilter filter;
    filter.limit = static_cast<int>(findInt(arguments, "limit").value_or(DefaultPage));
    if (const QString cursor = celldeck::textOf(arguments, "cursor"); !cursor.isEmpty()) {
        const auto before = storage::parseTaskId(cursor);
        if (!before)
            return fail(ErrorCode::InvalidArgument,
                        QStringLiteral("cursor is \"%1\": it should be the next_cursor of an "
                                       "earlier list_tasks")
                            .arg(cursor));
        filter.before = *before;
    }
    const Json *asked = find(arguments, "filter");
    if (!asked)
        return filter;
    if (const Json *states = find(*asked, "status"); states && states->is_array()) {
        for (const Json &state : *states)
            filter.states << storage::parseTaskState(state.get<QString>()).value();
    }
    if (find(*asked, "notebook_path")) {
        const auto path = notebookPath(services, *asked);
        if (!path)
            return fail(path.error());
        filter.notebookPath = *path;
    }
    if (const auto since = findText(*asked, "since")) {
        const auto time = parseIso(*since, QStringLiteral("filter.since"));
        if (!time)
            return fail(time.error());
        filter.since = *time;
    }
    return filter;
}

QCoro::Task<Result<ToolResult>> listTasks(const Services *services, Json arguments,
                                          CallContext context)
{
    const auto filter = filterOf(*services, arguments);
    if (!filter)
        co_return fail(filter.error());
    const auto listing = services->store.list(*filter);
    const Result<QList<TaskRecord>> tasks = co_await listing.wait(*context.scope);
    if (!tasks)
        co_return fail(tasks.error());
    ToolResult result;
    Json list = Json::array();
    QStringList lines;
    for (const TaskRecord &task : *tasks) {
        list.push_back(toJson(task));
        lines << QStringLiteral("%1  %2  %3 cell %4")
                     .arg(nameOf(task), toText(task.state), task.notebookPath)
                     .arg(task.cellIndex);
    }
    const bool more = tasks->size() == filter->limit;
    result.structured = {{"tasks", std::move(list)},
                         {"next_cursor", more ? Json(toText(tasks->last().id)) : Json(nullptr)}};
    result.text =
        lines.isEmpty() ? QStringLiteral("No task matches.") : lines.join(QLatin1Char('\n'));
    co_return result;
}

Json outputsSchema()
{
    return {{"outputs", {{"type", "array"}, {"items", {{"type", "object"}}}}},
            {"timed_out", {{"type", "boolean"}}},
            {"input_request", {{"type", Json::array({"object", "null"})}}},
            {"may_have_asked", {{"type", "boolean"}}},
            {"payload", {{"type", "array"}, {"items", {{"type", "object"}}}}},
            {"adopted", {{"type", "array"}, {"items", {{"type", "object"}}}}}};
}

}  // namespace

void addTaskTools(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(
        {.name = QStringLiteral("get_execution_status"),
         .title = QStringLiteral("Execution status"),
         .description = QStringLiteral("The state of a task and its outputs so far, at once. "
                                       "Example: {\"task_id\": \"01a2b3c4d5e6\"}"),
         .inputSchema = object(
             {{"notebook_path", pathSchema()}, {"task_id", {{"type", "string"}, {"minLength", 1}}}},
             Json::array({"task_id"})),
         .outputSchema = taskObject(outputsSchema()),
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(executionStatus, services)});
    registry.add(
        {.name = QStringLiteral("wait_for_task"),
         .title = QStringLiteral("Wait for task"),
         .description = QStringLiteral(
             "Waits until a task has ended and returns its state and outputs; at once if it waits "
             "for input (input_request), which submit_input answers, unless until says \"ended\"; "
             "until \"started\" returns when it runs. After timeout_s it returns what there is, "
             "with "
             "timed_out set; the task goes on. "
             "Example: {\"task_id\": \"01a2b3c4d5e6\", \"timeout_s\": 120}"),
         .inputSchema = object({{"notebook_path", pathSchema()},
                                {"task_id", {{"type", "string"}, {"minLength", 1}}},
                                {"timeout_s",
                                 {{"type", "number"},
                                  {"minimum", 0},
                                  {"maximum", MaxWaitSeconds},
                                  {"default", DefaultWaitSeconds}}},
                                {"until",
                                 {{"type", "string"},
                                  {"enum", Json::array({"ended_or_asks", "ended", "started"})},
                                  {"default", "ended_or_asks"}}}},
                               Json::array({"task_id"})),
         .outputSchema = taskObject(outputsSchema()),
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(waitForTask, services)});
    registry.add({.name = QStringLiteral("list_tasks"),
                  .title = QStringLiteral("List tasks"),
                  .description = QStringLiteral(
                      "Tasks, newest first, a page at a time. "
                      "Example: {\"filter\": {\"status\": [\"failed\"]}, \"limit\": 20}"),
                  .inputSchema = pageArguments(
                      {{"filter",
                        object({{"status", {{"type", "array"}, {"items", taskSchema()["status"]}}},
                                {"notebook_path", pathSchema()},
                                {"since", described("string", "ISO 8601 time of the oldest task")}},
                               Json::array())}},
                      DefaultPage, MaxPage),
                  .outputSchema = page("tasks", taskObject(Json::object())),
                  .readOnly = true,
                  .idempotent = true,
                  .call = toolFunction(listTasks, services)});
}

}  // namespace celldeck::tools
