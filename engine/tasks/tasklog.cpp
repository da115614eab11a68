#include "tasks/tasklog.h"

#include "async/sleep.h"
#include "base/crashpoint.h"
#include "tasks/outcome.h"

namespace celldeck::tasks {

using storage::TaskOutcome;
using storage::TaskRecord;
using storage::TaskState;

namespace {

// That the disk refuses is told by the database's health, once for all tasks.
constexpr Milliseconds StorageRetry{1'000};

}  // namespace

TaskLog::TaskLog(storage::TaskStore &store, const Clock &clock, const TaskScope &scope)
    : m_store(store), m_clock(clock), m_scope(scope)
{}

QCoro::Task<bool> TaskLog::pauseAfter(Error error)
{
    if (error.code != ErrorCode::StorageUnavailable || m_givesUp)
        co_return false;
    const Result<> slept = co_await sleepFor(m_scope, StorageRetry);
    co_return slept.has_value();
}

QCoro::Task<Result<TaskRecord>> TaskLog::begin(TaskRecord task, QByteArray messageId)
{
    for (;;) {
        const UtcTime now = m_clock.now();
        const Waiter<> marking = m_store.markRunning(task.id, messageId, now);
        const Result<> marked = co_await marking.wait(m_scope);
        if (marked) {
            task.state = TaskState::Running;
            task.startedAt = now;
            task.messageId = messageId;
            Q_EMIT taskChanged(task);
            co_return task;
        }
        const bool again = co_await pauseAfter(marked.error());
        if (!again)
            co_return fail(marked.error());
    }
}

QCoro::Task<> TaskLog::noteBegun(TaskRecord running)
{
    m_begun = running.messageId;
    while (m_begun == running.messageId) {
        const Waiter<> marking =
            m_store.markRunning(running.id, running.messageId, *running.startedAt);
        const Result<> marked = co_await marking.wait(m_scope);
        if (marked) {
            Q_EMIT taskChanged(running);
            co_return;
        }
        // Stale: the disk has refused this, and then has taken its end.
        const bool again = co_await pauseAfter(marked.error());
        if (!again)
            co_return;
    }
}

QCoro::Task<bool> TaskLog::putBack(TaskRecord pending)
{
    m_begun.clear();
    for (;;) {
        const Waiter<> putting = m_store.putBack(pending.id);
        const Result<> done = co_await putting.wait(m_scope);
        if (done) {
            Q_EMIT taskChanged(pending);
            co_return true;
        }
        const bool again = co_await pauseAfter(done.error());
        if (!again)
            co_return false;
    }
}

QCoro::Task<Result<>> TaskLog::finish(TaskRecord task, TaskOutcome outcome,
                                      std::optional<storage::AuditNote> note)
{
    if (outcome.finishedAt == UtcTime{})
        outcome.finishedAt = m_clock.now();
    if (outcome.hasRun)
        outcome.startedAt = task.startedAt;
    for (;;) {
        const Waiter<> finishing = m_store.finish(task.id, outcome, note);
        const Result<> finished = co_await finishing.wait(m_scope);
        if (finished) {
            crashPoint("session.end_committed");
            Q_EMIT taskChanged(ended(task, outcome));
            co_return finished;
        }
        const bool again = co_await pauseAfter(finished.error());
        if (!again)
            co_return finished;
    }
}

QCoro::Task<Result<>> TaskLog::cancelWaiting(QList<TaskRecord> tasks, QString why)
{
    if (tasks.isEmpty())
        co_return Result<>{};
    QList<storage::TaskId> ids;
    for (const TaskRecord &task : std::as_const(tasks))
        ids << task.id;
    TaskOutcome outcome;
    outcome.state = TaskState::Cancelled;
    outcome.error = why;
    outcome.finishedAt = m_clock.now();
    const auto finishing = m_store.finishPending(ids, outcome);
    const Result<QList<storage::TaskId>> changed = co_await finishing.wait(m_scope);
    if (!changed) {
        if (changed.error().code != ErrorCode::Cancelled)
            Q_EMIT failed(changed.error().message);
        co_return fail(changed.error());
    }
    for (const TaskRecord &task : std::as_const(tasks)) {
        if (changed->contains(task.id))
            Q_EMIT taskChanged(ended(task, outcome));
    }
    co_return Result<>{};
}

QCoro::Task<> TaskLog::keepPartial(storage::TaskId id, QByteArray outputs, QByteArray displays)
{
    const Waiter<> keeping = m_store.keepPartial(id, std::move(outputs), std::move(displays));
    const Result<> kept = co_await keeping.wait(m_scope);
    // Stale: it has come to its end meanwhile, with all of its outputs.
    if (!kept && kept.error().code == ErrorCode::StorageUnavailable)
        Q_EMIT failed(kept.error().message);
}

QCoro::Task<bool> TaskLog::amend(TaskRecord task, QByteArray outputs)
{
    const Waiter<> amending = m_store.amendOutputs(task.id, std::move(outputs));
    const Result<> amended = co_await amending.wait(m_scope);
    if (amended)
        Q_EMIT taskChanged(task);
    else if (amended.error().code != ErrorCode::Cancelled)
        Q_EMIT failed(amended.error().message);
    co_return amended.has_value();
}

QCoro::Task<> TaskLog::loseKernel(QString notebookPath, QList<storage::TaskId> waiting)
{
    const auto losing =
        m_store.loseKernel(std::move(notebookPath), {}, std::move(waiting), m_clock.now());
    const Result<QList<TaskRecord>> lost = co_await losing.wait(m_scope);
    if (!lost && lost.error().code != ErrorCode::Cancelled)
        Q_EMIT failed(lost.error().message);
}

}  // namespace celldeck::tasks
