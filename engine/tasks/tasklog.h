#pragma once

#include <QObject>

#include "async/taskscope.h"
#include "base/clock.h"
#include "storage/taskstore.h"

namespace celldeck::tasks {

/// The steps of one session's tasks, on disk and then told. What the disk refuses is tried again
/// until it takes it: a task must not go on without.
///
/// Owned by a Session, whose scope it waits with. Thread: the engine's. Stopping: `giveUp()`, then
/// with the scope.
class TaskLog final : public QObject
{
    Q_OBJECT

public:
    TaskLog(storage::TaskStore &store, const Clock &clock, const TaskScope &scope);

    /// pending → running. The task as it is now; fails with Stale if it was cancelled meanwhile,
    /// with Cancelled when the engine stops.
    [[nodiscard]] QCoro::Task<Result<storage::TaskRecord>> begin(storage::TaskRecord task,
                                                                 QByteArray messageId);
    /// The same for one that was announced, and so may leave before this is on disk. Ends without
    /// if it is put back meanwhile.
    QCoro::Task<> noteBegun(storage::TaskRecord running);
    /// running → pending, of one that has not left. False if it has ended meanwhile, or if the disk
    /// refuses until the engine stops.
    [[nodiscard]] QCoro::Task<bool> putBack(storage::TaskRecord pending);
    /// Fails with Stale if it was final already: then that stays.
    [[nodiscard]] QCoro::Task<Result<>> finish(storage::TaskRecord task,
                                               storage::TaskOutcome outcome,
                                               std::optional<storage::AuditNote> note);
    /// Ends tasks that wait as cancelled. Fails with StorageUnavailable; then they wait still.
    [[nodiscard]] QCoro::Task<Result<>> cancelWaiting(QList<storage::TaskRecord> tasks,
                                                      QString why);
    /// What was printed so far; `displays` as TaskOutcome's.
    QCoro::Task<> keepPartial(storage::TaskId id, QByteArray outputs, QByteArray displays);
    /// Other outputs for a task that has ended. True if they are on disk.
    [[nodiscard]] QCoro::Task<bool> amend(storage::TaskRecord task, QByteArray outputs);
    /// The notebook's kernel is gone: those that wait will run without the variables that it had.
    QCoro::Task<> loseKernel(QString notebookPath, QList<storage::TaskId> waiting);

    /// Nothing is tried again from now on: the engine stops.
    void giveUp() { m_givesUp = true; }

Q_SIGNALS:
    /// After the commit, and only then.
    void taskChanged(const celldeck::storage::TaskRecord &task);
    void failed(const QString &message);

private:
    /// False if it is not to be tried again.
    [[nodiscard]] QCoro::Task<bool> pauseAfter(Error error);

    storage::TaskStore &m_store;
    const Clock &m_clock;
    const TaskScope &m_scope;
    QByteArray m_begun;  // the request whose beginning is to be noted
    bool m_givesUp = false;
};

}  // namespace celldeck::tasks
