#include "tasks/taskqueue.h"

namespace celldeck::tasks {

using storage::TaskDraft;
using storage::TaskId;
using storage::TaskOutcome;
using storage::TaskRecord;
using storage::TaskState;

TaskQueue::TaskQueue(storage::TaskStore &store, const Clock &clock, SessionOptions options)
    : m_store(store), m_clock(clock), m_options(std::move(options))
{}

TaskQueue::~TaskQueue() = default;

Session &TaskQueue::session(const QString &notebookPath)
{
    std::unique_ptr<Session> &place = m_sessions[notebookPath];
    if (!place) {
        place = std::make_unique<Session>(notebookPath, m_store, m_clock, m_options);
        connect(place.get(), &Session::taskChanged, this, &TaskQueue::handleChange);
        connect(place.get(), &Session::outputsChanged, this, &TaskQueue::outputsChanged);
        connect(place.get(), &Session::failed, this, &TaskQueue::failed);
    }
    return *place;
}

Waiter<QList<TaskRecord>> TaskQueue::submit(QList<TaskDraft> drafts)
{
    const Waiter<QList<TaskRecord>> answer;
    if (m_stopping)
        return Waiter<QList<TaskRecord>>::resolved(
            fail(ErrorCode::StorageUnavailable, QStringLiteral("the engine is stopping")));
    m_scope.start(insert(std::move(drafts), answer));
    return answer;
}

QCoro::Task<> TaskQueue::insert(QList<TaskDraft> drafts, Waiter<QList<TaskRecord>> answer)
{
    const auto inserting = m_store.insert(std::move(drafts), m_clock.now());
    const Result<QList<TaskRecord>> tasks = co_await inserting.wait(m_scope);
    if (!tasks) {
        answer.resolve(fail(tasks.error()));
        co_return;
    }
    // A known idempotency key gives an old task: that one is on its way, or at its end.
    std::map<QString, QList<TaskRecord>> fresh;
    for (const TaskRecord &task : *tasks) {
        if (task.state != TaskState::Pending ||
            !m_unfinished.emplace(task.id, task.notebookPath).second)
            continue;
        fresh[task.notebookPath].append(task);
        Q_EMIT taskChanged(task);
    }
    answer.resolve(*tasks);
    if (m_stopping)
        co_return;
    for (const auto &[path, pending] : fresh)
        session(path).enqueue(pending);
}

Waiter<TaskRecord> TaskQueue::finished(TaskId id)
{
    if (m_unfinished.contains(id))
        return m_waited[id];
    const Waiter<TaskRecord> answer;
    m_scope.start(lookUp(id, answer));
    return answer;
}

QCoro::Task<> TaskQueue::lookUp(TaskId id, Waiter<TaskRecord> answer)
{
    const auto loading = m_store.load(id);
    const Result<storage::TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail)
        answer.resolve(fail(detail.error()));
    else
        answer.resolve(detail->task);
}

void TaskQueue::handleChange(const TaskRecord &task)
{
    Q_EMIT taskChanged(task);
    if (!isFinal(task.state))
        return;
    m_unfinished.erase(task.id);
    if (auto waited = m_waited.extract(task.id))
        waited.mapped().resolve(task);
}

Waiter<> TaskQueue::cancel(TaskId id)
{
    const auto found = m_unfinished.find(id);
    if (found == m_unfinished.end())
        return Waiter<>::resolved(
            fail(ErrorCode::NotFound,
                 QStringLiteral("task %1 is not waiting or running any more").arg(toText(id))));
    return session(found->second).cancel(id);
}

Waiter<> TaskQueue::startKernel(const QString &notebookPath, const QString &kernelName)
{
    return session(notebookPath).startKernel(kernelName);
}

Waiter<> TaskQueue::stopKernel(const QString &notebookPath)
{
    const auto found = m_sessions.find(notebookPath);
    if (found == m_sessions.end())
        return Waiter<>::resolved(
            fail(ErrorCode::NoKernel, QStringLiteral("%1 has no kernel").arg(notebookPath)));
    return found->second->stopKernel();
}

const kernels::Kernel *TaskQueue::kernel(const QString &notebookPath) const
{
    const auto found = m_sessions.find(notebookPath);
    return found == m_sessions.end() ? nullptr : found->second->kernel();
}

Json TaskQueue::liveOutputs(const QString &notebookPath, TaskId id) const
{
    const auto found = m_sessions.find(notebookPath);
    return found == m_sessions.end() ? Json::array() : found->second->liveOutputs(id);
}

Waiter<> TaskQueue::recover()
{
    const Waiter<> done;
    m_scope.start(rescue(done));
    return done;
}

QCoro::Task<> TaskQueue::rescue(Waiter<> done)
{
    const auto loading = m_store.loadUnfinished();
    const Result<QList<TaskRecord>> left = co_await loading.wait(m_scope);
    if (!left) {
        done.resolve(fail(left.error()));
        co_return;
    }
    std::map<QString, QList<TaskRecord>> pending;
    for (const TaskRecord &task : *left) {
        if (task.state == TaskState::Pending) {
            m_unfinished.emplace(task.id, task.notebookPath);
            pending[task.notebookPath].append(task);
            continue;
        }
        // Its request had left: whether it did its work nobody knows, so it is not run again.
        TaskOutcome outcome;
        outcome.state = TaskState::Interrupted;
        outcome.error = QStringLiteral("the engine ended while it ran");
        outcome.finishedAt = m_clock.now();
        const Waiter<> finishing = m_store.finish(task.id, outcome);
        const Result<> finished = co_await finishing.wait(m_scope);
        if (!finished) {
            done.resolve(finished);
            co_return;
        }
    }
    for (const auto &[path, tasks] : pending)
        session(path).enqueue(tasks);
    done.resolve({});
}

Waiter<> TaskQueue::stop()
{
    const Waiter<> done;
    m_stopping = true;
    m_scope.start(stopSessions(done));
    return done;
}

QCoro::Task<> TaskQueue::stopSessions(Waiter<> done)
{
    std::vector<Waiter<>> ends;
    ends.reserve(m_sessions.size());
    for (const auto &[path, one] : m_sessions)
        ends.push_back(one->stop());
    for (const Waiter<> &end : ends) {
        const Result<> ended = co_await end.wait(m_scope);
        if (!ended)
            co_return;
    }
    m_sessions.clear();
    done.resolve({});
}

}  // namespace celldeck::tasks
