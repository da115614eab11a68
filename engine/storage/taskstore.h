#pragma once

#include <QList>
#include <memory>

#include "async/waiter.h"
#include "storage/audit.h"
#include "storage/census.h"
#include "storage/connectionthread.h"
#include "storage/importedtask.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

class Database;  // the writer thread, the reader thread, migrations

/// Tasks on disk. Every change is committed with synchronous=FULL before its waiter resolves, in
/// the order of the calls, many in one commit. Owned by the engine, which closes it last.
///
/// Thread: the one that made it; waiters resolve there. Stopping: with its Database, whose
/// `close()` refuses new work, drains, commits, checkpoints and joins.
///
/// Requires: made before the database is opened.
/// Every call fails with StorageUnavailable when the disk refuses; nothing was stored then.
class TaskStore final
{
public:
    explicit TaskStore(Database &database, QueueLimits limits = {});
    ~TaskStore();

    /// What is asked for while one of these lives goes into one commit.
    [[nodiscard]] ConnectionThread::Hold together();

    /// Stores all drafts or none, in one transaction. Draft with a known key: the existing task is
    /// returned if its content is the same; Conflict otherwise. QueueFull over a limit. The audit
    /// log says that they are `by`'s.
    [[nodiscard]] Waiter<QList<TaskRecord>> insert(QList<TaskDraft> drafts, UtcTime now,
                                                   Actor by = {});

    /// Takes over tasks of another server, all or none of them; see ImportReport for those that are
    /// there already and those that cannot be taken.
    [[nodiscard]] Waiter<ImportReport> importTasks(QList<ImportedTask> tasks, UtcTime now,
                                                   AuditNote note);

    /// The id under which the request of a pending task may leave from now on, before it is marked
    /// as running; "": it will not. Fails with Stale if it is not pending.
    [[nodiscard]] Waiter<> announce(TaskId id, QByteArray messageId);

    /// pending → running. Fails with Stale if it was not pending.
    [[nodiscard]] Waiter<> markRunning(TaskId id, QByteArray messageId, UtcTime now);

    /// running, or announced, → pending: its request has never left. Fails with Stale if it was
    /// final.
    [[nodiscard]] Waiter<> putBack(TaskId id);

    /// pending or running → final. Fails with Stale if it was final already. The note is for an end
    /// that somebody has asked for.
    [[nodiscard]] Waiter<> finish(TaskId id, TaskOutcome outcome,
                                  std::optional<AuditNote> note = {});

    /// Every pending → final at once, fenced one by one; returns those that changed.
    [[nodiscard]] Waiter<QList<TaskId>> finishPending(QList<TaskId> ids, TaskOutcome outcome);

    /// New outputs for a task that is final: a later cell has shown a display anew. NotFound.
    [[nodiscard]] Waiter<> amendOutputs(TaskId id, QByteArray outputs);

    /// The outputs so far of a task that runs: what is left of it if the engine dies. Stale.
    /// `displays`: as TaskOutcome's.
    [[nodiscard]] Waiter<> keepPartial(TaskId id, QByteArray outputs, QByteArray displays = {});

    /// The tasks of one notebook that show something under a display id: the last thousand that
    /// began since then, oldest first.
    [[nodiscard]] Waiter<QList<TaskDetail>> loadShown(QString notebookPath, UtcTime since);

    /// Forgets the kernel that a notebook had, but for its name while tasks wait for it, in one
    /// transaction with what that means for these: the drafts in `rebuilding` are stored to run
    /// before them (and returned), or, without such, the tasks are marked as restored without that
    /// kernel's state. As `insert`.
    [[nodiscard]] Waiter<QList<TaskRecord>> loseKernel(QString notebookPath,
                                                       QList<TaskDraft> rebuilding,
                                                       QList<TaskId> pending, UtcTime now);

    /// The pending tasks of one notebook, in the order in which they shall run from now on, before
    /// any that come later.
    [[nodiscard]] Waiter<> reorder(QList<TaskId> ids, std::optional<AuditNote> note = {});

    /// Forgets tasks that have ended; those that have not stay. Calls with one note make one entry
    /// of the audit log, with the number of all that went.
    [[nodiscard]] Waiter<> removeEnded(QList<TaskId> ids, std::optional<AuditNote> note = {});

    /// As those of Contents: for the TaskCleaner.
    [[nodiscard]] Waiter<StoredRows> beginSweep();
    [[nodiscard]] Waiter<> endSweep();

    /// Everything unfinished, in the order in which it is to run: what recovery starts from.
    [[nodiscard]] Waiter<QList<TaskRecord>> loadUnfinished();

    [[nodiscard]] Waiter<TaskDetail> load(TaskId id);           ///< NotFound
    [[nodiscard]] Waiter<TaskDetail> loadByName(QString name);  ///< key or id as text; NotFound
    /// Newest first, by key and not by offset.
    [[nodiscard]] Waiter<QList<TaskRecord>> list(TaskFilter filter);
    [[nodiscard]] Waiter<TaskStats> stats(UtcTime now);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

}  // namespace celldeck::storage
