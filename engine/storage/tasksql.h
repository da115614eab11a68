#pragma once

#include <QList>

#include "storage/audit.h"
#include "storage/census.h"
#include "storage/connection.h"
#include "storage/importedtask.h"
#include "storage/taskrecord.h"

/// The SQL of tasks: plain functions on a connection. Those that write are called by the writer's
/// jobs, and change nothing if they fail with anything but StorageUnavailable. A note goes into the
/// audit log if something was changed.
namespace celldeck::storage::sql {

/// Bits of `terms.flags`.
enum TaskFlag { StopOnError = 1, NoWriteBack = 2 };

/// The row of a new task, apart from its draft.
struct NewTask
{
    TaskId id;
    TaskId batch;
    std::int64_t notebook = 0;
    QVariant actor;  ///< NULL where its submission is a row of the audit log.
};

/// Fails with InvalidArgument.
[[nodiscard]] Result<> checkDraft(const TaskDraft &draft);
/// A pending task. Requires: the id and the draft's key are free.
[[nodiscard]] Result<TaskRecord> insertOne(Connection &connection, Census &census,
                                           const TaskDraft &draft, const NewTask &place);
[[nodiscard]] Result<QList<TaskRecord>> insert(Connection &connection, Census &census,
                                               const QList<TaskDraft> &drafts, UtcTime now,
                                               const Actor &by);
[[nodiscard]] Result<> announce(Connection &connection, TaskId id, const QByteArray &messageId);
[[nodiscard]] Result<> markRunning(Connection &connection, Census &census, TaskId id,
                                   const QByteArray &messageId, UtcTime now);
[[nodiscard]] Result<> putBack(Connection &connection, Census &census, TaskId id);
[[nodiscard]] Result<> finish(Connection &connection, Census &census, TaskId id,
                              const TaskOutcome &outcome, const std::optional<AuditNote> &note);
[[nodiscard]] Result<QList<TaskId>> finishPending(Connection &connection, Census &census,
                                                  const QList<TaskId> &ids,
                                                  const TaskOutcome &outcome);

[[nodiscard]] Result<> amendOutputs(Connection &connection, TaskId id, const QByteArray &outputs);

[[nodiscard]] Result<> keepPartial(Connection &connection, TaskId id, const QByteArray &outputs,
                                   const QByteArray &displays);
[[nodiscard]] Result<QList<TaskDetail>> loadShown(Connection &connection,
                                                  const QString &notebookPath, UtcTime since);
[[nodiscard]] Result<> markStateLost(Connection &connection, const QList<TaskId> &ids);
/// `note` gets their number, and grows with that of later calls.
[[nodiscard]] Result<> removeEnded(Connection &connection, Census &census, const QList<TaskId> &ids,
                                   std::optional<AuditNote> note);
[[nodiscard]] Result<> reorder(Connection &connection, const QList<TaskId> &ids,
                               const std::optional<AuditNote> &note);

/// Tasks of another server, at the times that they had there; those that are there already stay as
/// they are. `note` gets their number, and grows with that of later calls.
[[nodiscard]] Result<ImportReport> importTasks(Connection &connection, Census &census,
                                               const QList<ImportedTask> &tasks, UtcTime now,
                                               AuditNote note);

[[nodiscard]] Result<QList<TaskRecord>> unfinished(Connection &connection);
[[nodiscard]] Result<TaskDetail> load(Connection &connection, TaskId id);
[[nodiscard]] Result<TaskDetail> loadByName(Connection &connection, const QString &name);
[[nodiscard]] Result<QList<TaskRecord>> list(Connection &connection, const TaskFilter &filter);

/// The census, with the leases and the size of the WAL.
[[nodiscard]] Result<TaskStats> stats(Connection &connection, const Census &census,
                                      const QString &file, UtcTime now);

}  // namespace celldeck::storage::sql
