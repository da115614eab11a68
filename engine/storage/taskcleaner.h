#pragma once

#include <functional>
#include <limits>

#include "async/taskscope.h"
#include "async/waiter.h"
#include "storage/audit.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

class Connection;
class Database;
class TaskStore;

/// How long tasks are kept after their end: CONTRACT.md section 7.
struct Retention
{
    std::chrono::hours completed{24};
    std::chrono::hours others{7 * 24};  ///< failed, cancelled, timeout, interrupted
    /// While the database holds more than this, the oldest that have ended go, whatever their age.
    std::int64_t largestBytes = std::numeric_limits<std::int64_t>::max();

    bool operator==(const Retention &) const = default;
};

struct CleanupReport
{
    std::int64_t tasks = 0;  ///< removed; in a preview: what would be
    std::int64_t cells = 0;  ///< contents that no task needs any more
    std::int64_t outputs = 0;
    std::int64_t bytesBefore = 0;  ///< of the database file
    std::int64_t bytesAfter = 0;
};

enum class CleanupMode { Preview, Remove };

/// Removes tasks that have ended long ago, what only they needed, and the room that this leaves in
/// the file: in small transactions between which the queue goes on. Pending and running tasks are
/// never touched. May be interrupted anywhere, and goes on the next time.
///
/// Owned by the engine. Thread: the one that made it. Stopping: with its owner.
class TaskCleaner final
{
public:
    TaskCleaner(Database &database, TaskStore &store) : m_database(database), m_store(store) {}

    /// One pass over all that is due. Fails with StorageUnavailable, or Conflict while one runs.
    [[nodiscard]] Waiter<CleanupReport> runOnce(Retention retention, CleanupMode mode, UtcTime now,
                                                Actor by = {});

private:
    QCoro::Task<> clean(Retention retention, UtcTime now, AuditNote note,
                        Waiter<CleanupReport> done);
    QCoro::Task<Result<>> removeOld(Retention retention, UtcTime now, AuditNote note,
                                    CleanupReport *report);
    QCoro::Task<Result<>> removeOverSize(std::int64_t largestBytes, AuditNote note,
                                         CleanupReport *report);
    QCoro::Task<Result<std::int64_t>> removeTasks(
        std::function<Result<QList<TaskId>>(Connection &)> find, std::int64_t atMost,
        AuditNote note);
    QCoro::Task<Result<>> removeContents(CleanupReport *report);
    QCoro::Task<Result<std::int64_t>> removeAll(QString sql, QList<std::int64_t> rows);
    QCoro::Task<Result<>> removeAudit(UtcTime now);
    QCoro::Task<Result<>> shrink();

    Database &m_database;
    TaskStore &m_store;
    bool m_running = false;
    TaskScope m_scope;
};

}  // namespace celldeck::storage
