#include "queuemodel.h"

using namespace celldeck::storage;

namespace celldeck::test {

namespace {

std::unexpected<Error> refusal(ErrorCode code)
{
    return fail(code, QString());
}

/// `there`: a task, or another draft.
bool sameContent(const TaskDraft &draft, const auto &there)
{
    const bool haveIds = !draft.cellId.isEmpty() && !there.cellId.isEmpty();
    return draft.notebookPath == there.notebookPath && draft.code == there.code &&
           (haveIds ? draft.cellId == there.cellId : draft.cellIndex == there.cellIndex) &&
           draft.kernelName == there.kernelName && draft.limit == there.limit &&
           draft.writeBack == there.writeBack;
}

void end(TaskDetail &task, const TaskOutcome &outcome)
{
    if (!outcome.hasRun)
        task.task.startedAt.reset();
    const UtcTime from = task.task.startedAt.value_or(task.task.createdAt);
    task.task.state = outcome.state;
    task.task.finishedAt = std::max(from, outcome.finishedAt);
    task.task.executionCount = outcome.executionCount;
    task.task.error = outcome.error;
    task.task.messageId.clear();
    task.outputs = outcome.outputs;
}

}  // namespace

TaskDetail *QueueModel::find(TaskId id)
{
    const auto found = m_tasks.find(id);
    return found == m_tasks.end() ? nullptr : &found->second;
}

Result<> QueueModel::check(const QList<TaskDraft> &drafts) const
{
    for (const TaskDraft &draft : drafts) {
        if (draft.notebookPath.isEmpty() || (!draft.key.isEmpty() && parseTaskId(draft.key)))
            return refusal(ErrorCode::InvalidArgument);
    }
    std::map<QString, std::int64_t> pending;
    for (const auto &[id, task] : m_tasks) {
        if (task.task.state == TaskState::Pending)
            ++pending[task.task.notebookPath];
    }
    const auto before = pending;
    std::map<QString, TaskDraft> named;
    std::set<QString> touched;
    for (const TaskDraft &draft : drafts) {
        const auto known = loadByName(draft.key);
        const auto twin = named.find(draft.key);
        if (known ? !sameContent(draft, known->task)
                  : twin != named.end() && !sameContent(draft, twin->second))
            return refusal(ErrorCode::Conflict);
        if (known || twin != named.end())
            continue;
        if (!draft.key.isEmpty())
            named.emplace(draft.key, draft);
        ++pending[draft.notebookPath];
        touched.insert(draft.notebookPath);
    }
    std::int64_t all = 0;
    for (const auto &[path, count] : pending) {
        all += count;
        if (touched.contains(path) && before.contains(path) && count > m_limits.pendingInNotebook)
            return refusal(ErrorCode::QueueFull);
    }
    if (!touched.empty() && all > m_limits.pendingInAll)
        return refusal(ErrorCode::QueueFull);
    return {};
}

TaskRecord QueueModel::add(const TaskDraft &draft, TaskId id, TaskId batch)
{
    TaskDetail made;
    TaskRecord &task = made.task;
    task.id = id;
    task.key = draft.key;
    task.notebookPath = draft.notebookPath;
    task.cellIndex = draft.cellIndex;
    task.cellId = draft.cellId;
    task.code = draft.code;
    task.kernelName = draft.kernelName;
    task.batch = batch;
    task.createdAt = timeOf(id);
    task.retries = draft.retries;
    task.replayOf = draft.replayOf;
    task.limit = draft.limit;
    task.stopOnError = draft.stopOnError;
    task.writeBack = draft.writeBack;
    m_tasks.emplace(id, made);
    m_notebooks.insert(draft.notebookPath);
    return task;
}

Result<QList<TaskRecord>> QueueModel::insert(const QList<TaskDraft> &drafts, UtcTime now)
{
    if (const Result<> good = check(drafts); !good)
        return fail(good.error());
    QList<TaskRecord> answer;
    TaskId batch;
    for (const TaskDraft &draft : drafts) {
        if (const auto known = loadByName(draft.key)) {
            answer << known->task;
            continue;
        }
        m_last = std::max(TaskId(m_last.value() + 1), firstIdAt(now));
        if (!batch && drafts.size() > 1)
            batch = m_last;
        answer << add(draft, m_last, batch);
    }
    return answer;
}

Result<> QueueModel::markRunning(TaskId id, const QByteArray &messageId, UtcTime now)
{
    TaskDetail *const task = find(id);
    if (!task || task->task.state != TaskState::Pending)
        return refusal(ErrorCode::Stale);
    task->task.state = TaskState::Running;
    task->task.startedAt = std::max(task->task.createdAt, now);
    task->task.messageId = messageId;
    return {};
}

Result<> QueueModel::putBack(TaskId id)
{
    TaskDetail *const task = find(id);
    if (!task || isFinal(task->task.state))
        return refusal(ErrorCode::Stale);
    task->task.state = TaskState::Pending;
    task->task.startedAt.reset();
    task->task.messageId.clear();
    return {};
}

Result<> QueueModel::finish(TaskId id, const TaskOutcome &outcome)
{
    TaskDetail *const task = find(id);
    if (!task || isFinal(task->task.state))
        return refusal(ErrorCode::Stale);
    test::end(*task, outcome);
    return {};
}

Result<QList<TaskId>> QueueModel::finishPending(const QList<TaskId> &ids,
                                                const TaskOutcome &outcome)
{
    QList<TaskId> changed;
    for (const TaskId id : ids) {
        TaskDetail *const task = find(id);
        if (!task || task->task.state != TaskState::Pending)
            continue;
        test::end(*task, outcome);
        changed << id;
    }
    return changed;
}

Result<> QueueModel::amendOutputs(TaskId id, const QByteArray &outputs)
{
    TaskDetail *const task = find(id);
    if (!task || !isFinal(task->task.state))
        return refusal(ErrorCode::NotFound);
    task->outputs = outputs;
    return {};
}

Result<> QueueModel::keepPartial(TaskId id, const QByteArray &outputs)
{
    TaskDetail *const task = find(id);
    if (!task || task->task.state != TaskState::Running)
        return refusal(ErrorCode::Stale);
    task->outputs = outputs;
    return {};
}

Result<> QueueModel::reorder(const QList<TaskId> &ids)
{
    for (qsizetype place = 0; place < ids.size(); ++place)
        m_places[ids[place]] = place;
    return {};
}

Result<> QueueModel::removeEnded(const QList<TaskId> &ids)
{
    for (const TaskId id : ids) {
        if (const TaskDetail *const task = find(id); task && isFinal(task->task.state))
            m_tasks.erase(id);
    }
    return {};
}

Result<QList<TaskRecord>> QueueModel::loseKernel(const QString &notebook,
                                                 const QList<TaskDraft> &rebuilding,
                                                 const QList<TaskId> &pending, UtcTime now)
{
    const auto added = insert(rebuilding, now);
    if (!added)
        return added;
    QList<TaskId> order;
    for (const TaskRecord &task : *added)
        order << task.id;
    order << pending;
    if (!added->isEmpty()) {
        (void)reorder(order);
    } else {
        for (const TaskId id : pending) {
            // Also one that is being marked as running just then, and is put back.
            if (TaskDetail *const task = find(id); task && !isFinal(task->task.state))
                task->task.stateLost = true;
        }
    }
    // Its name stays while tasks wait for it.
    if (order.isEmpty())
        m_kernels.erase(notebook);
    else if (const auto kernel = m_kernels.find(notebook); kernel != m_kernels.end())
        kernel->second = Kernel::Lost;
    return added;
}

Result<> QueueModel::setFlow(const QString &notebook, Flow flow)
{
    if (notebook.isEmpty()) {
        m_orders.flow = flow;
        return {};
    }
    m_notebooks.insert(notebook);
    if (flow == Flow::Paused)
        m_orders.pausedNotebooks.insert(notebook);
    else
        m_orders.pausedNotebooks.remove(notebook);
    return {};
}

Result<> QueueModel::setOnError(const QString &notebook, OnError onError)
{
    m_notebooks.insert(notebook);
    if (onError == OnError::AsSubmitted)
        m_orders.onError.remove(notebook);
    else
        m_orders.onError.insert(notebook, onError);
    return {};
}

Result<> QueueModel::end()
{
    m_begun.reset();
    return {};
}

QList<TaskId> QueueModel::due(const Retention &retention, UtcTime now) const
{
    QList<TaskId> ids;
    for (const auto &[id, task] : m_tasks) {
        const auto kept =
            task.task.state == TaskState::Completed ? retention.completed : retention.others;
        if (isFinal(task.task.state) && *task.task.finishedAt < now - kept)
            ids << id;
    }
    return ids;
}

QList<TaskRecord> QueueModel::unfinished() const
{
    QList<TaskRecord> tasks;
    for (const auto &[id, task] : m_tasks) {
        if (!isFinal(task.task.state))
            tasks << task.task;
    }
    std::ranges::sort(tasks, {}, [this](const TaskRecord &task) {
        const auto place = m_places.find(task.id);
        const bool moved = place != m_places.end();
        return std::tuple(!moved, moved ? place->second : 0, task.id);
    });
    return tasks;
}

QList<TaskRecord> QueueModel::list(const TaskFilter &filter) const
{
    QList<TaskRecord> tasks;
    for (auto at = m_tasks.rbegin(); at != m_tasks.rend() && tasks.size() < filter.limit; ++at) {
        const TaskRecord &task = at->second.task;
        if ((filter.states.isEmpty() || filter.states.contains(task.state)) &&
            (filter.notebookPath.isEmpty() || filter.notebookPath == task.notebookPath) &&
            (!filter.since || task.createdAt >= *filter.since) &&
            (!filter.before || task.id < filter.before))
            tasks << task;
    }
    return tasks;
}

Result<TaskDetail> QueueModel::load(TaskId id) const
{
    const auto found = m_tasks.find(id);
    if (found == m_tasks.end())
        return refusal(ErrorCode::NotFound);
    return found->second;
}

Result<TaskDetail> QueueModel::loadByName(const QString &name) const
{
    for (const auto &[id, task] : m_tasks) {
        if (!name.isEmpty() && task.task.key == name)
            return task;
    }
    if (const auto id = parseTaskId(name))
        return load(*id);
    return refusal(ErrorCode::NotFound);
}

TaskStats QueueModel::stats() const
{
    TaskStats stats;
    std::int64_t *const counters[] = {&stats.pending,    &stats.running,   &stats.completed,
                                      &stats.failed,     &stats.cancelled, &stats.timedOut,
                                      &stats.interrupted};
    for (const auto &[id, task] : m_tasks)
        ++*counters[static_cast<int>(task.task.state)];
    return stats;
}

}  // namespace celldeck::test
