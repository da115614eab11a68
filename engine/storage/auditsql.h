#pragma once

#include <QList>

#include "storage/audit.h"
#include "storage/connection.h"

/// The SQL of the audit log: plain functions on a connection. A store calls `record` in the job
/// that makes the change, so that both are in one transaction.
///
/// A submission of one task is no row of the log: its task's row names the actor, which costs two
/// bytes and no statement. (A row of its own for each was measured: see the commit.) `keepAuthors`
/// makes rows of them when the tasks go.
namespace celldeck::storage::sql {

/// The row of an actor, made if it is not there yet.
[[nodiscard]] Result<std::int64_t> actorRow(Connection &connection, const Actor &actor);

[[nodiscard]] Result<> record(Connection &connection, const AuditNote &note);
/// For an action of many transactions: adds to the count of the row that it has made since
/// `note.at`, or makes it.
[[nodiscard]] Result<> recordMore(Connection &connection, const AuditNote &note);

/// These tasks are about to be removed: what their rows say of their submission goes into the log,
/// one entry an actor, notebook and action, at the time of the first of them.
[[nodiscard]] Result<> keepAuthors(Connection &connection, const QList<TaskId> &tasks);

/// Newest first.
[[nodiscard]] Result<QList<AuditEntry>> listAudit(Connection &connection,
                                                  const AuditFilter &filter);

/// Up to `limit` entries that are kept no longer. Returns how many went.
[[nodiscard]] Result<int> removeOldAudit(Connection &connection, const AuditRetention &retention,
                                         UtcTime now, int limit);

}  // namespace celldeck::storage::sql
