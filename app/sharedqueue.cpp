#include "sharedqueue.h"

#include "engine/engine.h"

namespace celldeck::app {

using storage::TaskRecord;

namespace {

// As long as one wait may be: wait_for_task's maximum, and a minute for the answer.
constexpr int WaitSeconds = 3600;
constexpr Milliseconds WaitLimit = std::chrono::seconds(WaitSeconds + 60);

Json toJson(const storage::TaskDraft &draft)
{
    Json cell{{"code", draft.code}, {"stop_on_error", draft.stopOnError}};
    if (draft.cellIndex >= 0)
        cell["index"] = draft.cellIndex;
    if (!draft.cellId.isEmpty())
        cell["cell_id"] = draft.cellId;
    if (!draft.kernelName.isEmpty())
        cell["kernel_name"] = draft.kernelName;
    if (draft.limit)
        cell["timeout_s"] = static_cast<double>(draft.limit->count()) / 1000;
    if (draft.replayOf)
        cell["replay_of"] = toText(draft.replayOf);
    return cell;
}

}  // namespace

SharedQueue::SharedQueue(std::unique_ptr<EndpointClient> client, QString dataDirectory)
    : m_client(std::move(client)), m_dataDirectory(std::move(dataDirectory))
{}

QCoro::Task<Result<>> SharedQueue::open()
{
    const Result<> greeted = co_await m_client->greet();
    if (!greeted)
        co_return greeted;
    auto queries = storage::Queries::open(databaseFile(m_dataDirectory));
    if (!queries)
        co_return fail(queries.error());
    m_queries.emplace(std::move(*queries));
    co_return Result<>{};
}

QCoro::Task<> SharedQueue::close()
{
    m_scope.close();
    co_return;
}

QCoro::Task<Result<QList<TaskRecord>>> SharedQueue::history(QString notebookPath, int limit)
{
    storage::TaskFilter filter;
    filter.notebookPath = notebookPath;
    filter.limit = limit;
    co_return m_queries->list(filter);
}

QCoro::Task<Result<SharedQueue::Found>> SharedQueue::sessionOf(QString notebookPath)
{
    const Result<Answer> answer =
        co_await m_client->call(QStringLiteral("list_all_sessions"), Json::object());
    if (!answer)
        co_return fail(answer.error());
    Found found;
    const Json *sessions = find(answer->json, "sessions");
    for (const Json &session : sessions ? *sessions : Json::array()) {
        if (textOf(session, "notebook_path") != notebookPath)
            continue;
        found.paused = findBool(session, "paused").value_or(false);
        const Json *kernel = find(session, "kernel");
        if (kernel && kernel->is_object() && textOf(*kernel, "state") != QLatin1String("dead"))
            found.kernelName = textOf(*kernel, "kernel_name");
    }
    co_return found;
}

QCoro::Task<Result<QList<TaskRecord>>> SharedQueue::submit(QList<storage::TaskDraft> drafts)
{
    const QString path = drafts.first().notebookPath;
    const Result<Found> before = co_await sessionOf(path);
    if (!before)
        co_return fail(before.error());
    const QString &wanted = drafts.first().kernelName;
    if (before->kernelName.isEmpty())
        m_fresh.insert(path);
    else if (!wanted.isEmpty() && wanted != before->kernelName)
        co_return fail(
            ErrorCode::NoKernel,
            QStringLiteral("%1 should run on the kernel %2, but has the kernel %3 in the "
                           "running engine: stop that one first (the tool stop_kernel), "
                           "or choose another data folder with --data-dir")
                .arg(path, wanted, before->kernelName));
    else
        Q_EMIT told(QStringLiteral("%1 has a kernel in the running engine already: it runs on that "
                                   "one, with the variables that are there")
                        .arg(path));
    Json cells = Json::array();
    for (const storage::TaskDraft &draft : drafts)
        cells.push_back(toJson(draft));
    const Result<Answer> answer = co_await m_client->call(
        QStringLiteral("run_cells"), {{"notebook_path", path}, {"cells", std::move(cells)}});
    if (!answer && answer.error().code == ErrorCode::OutsideWorkspace)
        co_return fail(answer.error().code,
                       answer.error().message +
                           QStringLiteral(" of the running engine: start that one with a "
                                          "--workspace that holds it, or choose another data "
                                          "folder with --data-dir"));
    if (!answer)
        co_return fail(answer.error());
    QList<TaskRecord> tasks;
    const Json *names = find(answer->json, "task_ids");
    for (const Json &name : names ? *names : Json::array()) {
        const auto detail = m_queries->loadByName(name.get<QString>());
        if (!detail)
            co_return fail(detail.error());
        tasks << detail->task;
        // Told in the order of its states, however far it has come meanwhile.
        tasks.last().state = storage::TaskState::Pending;
        Q_EMIT taskChanged(tasks.last());
    }
    const Result<Found> after = co_await sessionOf(path);
    if (after && after->paused)
        Q_EMIT told(QStringLiteral("the queue is paused in the running engine: %1 waits until "
                                   "somebody resumes it, in the console or with the tool "
                                   "resume_queue")
                        .arg(path));
    co_return tasks;
}

QCoro::Task<Result<Answer>> SharedQueue::reach(TaskRecord task, QString until)
{
    for (;;) {
        const Result<Answer> answer = co_await m_client->call(
            QStringLiteral("wait_for_task"),
            {{"task_id", nameOf(task)}, {"until", until}, {"timeout_s", WaitSeconds}}, WaitLimit);
        if (!answer)
            co_return fail(answer.error().code,
                           answer.error().message +
                               QStringLiteral("; what it has accepted stays in its queue, and its "
                                              "outputs are kept with its tasks (celldeck tasks)"));
        if (!findBool(answer->json, "timed_out").value_or(false))
            co_return answer;
    }
}

QCoro::Task<Result<TaskRecord>> SharedQueue::finished(TaskRecord task)
{
    const Result<Answer> begun = co_await reach(task, QStringLiteral("started"));
    if (!begun)
        co_return fail(begun.error());
    const auto now = m_queries->loadByName(nameOf(task));
    if (!now)
        co_return fail(now.error());
    if (now->task.startedAt) {
        TaskRecord started = now->task;
        started.state = storage::TaskState::Running;
        Q_EMIT taskChanged(started);
    }
    const Result<Answer> stopped = co_await reach(task, QStringLiteral("ended_or_asks"));
    if (!stopped)
        co_return fail(stopped.error());
    const Json *input = find(stopped->json, "input_request");
    if (input && input->is_object()) {
        Q_EMIT told(QStringLiteral("cell %1 of %2 asks \"%3\" and waits for an answer: give it in "
                                   "the console, or with the tool submit_input")
                        .arg(task.cellIndex)
                        .arg(task.notebookPath, textOf(*input, "prompt")));
        const Result<Answer> ended = co_await reach(task, QStringLiteral("ended"));
        if (!ended)
            co_return fail(ended.error());
    }
    const auto end = m_queries->loadByName(nameOf(task));
    if (!end)
        co_return fail(end.error());
    Q_EMIT taskChanged(end->task);
    co_return end->task;
}

QCoro::Task<Result<storage::TaskDetail>> SharedQueue::load(TaskRecord task)
{
    co_return m_queries->loadByName(nameOf(task));
}

QCoro::Task<RunQueue::OfKernel> SharedQueue::ofKernel(QString notebookPath)
{
    const Result<Answer> answer =
        co_await m_client->call(QStringLiteral("get_widgets"), {{"notebook_path", notebookPath}});
    // A kernel that has gone has taken its widgets with it.
    if (!answer && answer.error().code != ErrorCode::NoKernel)
        Q_EMIT told(answer.error().message);
    const auto member = [&answer](const char *key) {
        const Json *value = answer ? find(answer->json, key) : nullptr;
        return value && value->is_object() ? std::optional(*value) : std::nullopt;
    };
    co_return OfKernel{member("widgets"), member("language_info")};
}

void SharedQueue::cancel(QList<TaskRecord> tasks)
{
    m_scope.start(cancelAll(std::move(tasks)));
}

QCoro::Task<> SharedQueue::cancelAll(QList<TaskRecord> tasks)
{
    for (auto task = tasks.crbegin(); task != tasks.crend(); ++task) {
        const Result<Answer> cancelled = co_await m_client->call(QStringLiteral("cancel_execution"),
                                                                 {{"task_id", nameOf(*task)}});
        // One that has ended already is what was asked for.
        if (!cancelled && cancelled.error().code != ErrorCode::NotFound &&
            cancelled.error().code != ErrorCode::Cancelled)
            Q_EMIT told(cancelled.error().message);
    }
}

QCoro::Task<> SharedQueue::leave(QString notebookPath)
{
    if (!m_fresh.remove(notebookPath))
        co_return;
    const Result<Answer> stopped = co_await m_client->call(
        QStringLiteral("stop_kernel"), {{"notebook_path", notebookPath}, {"if_idle", true}});
    // A kernel that has died, or never came, needs no end.
    if (!stopped && stopped.error().code != ErrorCode::NoKernel)
        Q_EMIT told(stopped.error().message);
}

}  // namespace celldeck::app
