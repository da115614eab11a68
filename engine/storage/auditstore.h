#pragma once

#include "async/waiter.h"
#include "storage/audit.h"

namespace celldeck::storage {

class Database;

/// The log of who did what. What changes the database is noted by the store that changes it, in the
/// same transaction (`sql::record`); this is for what changes something else, and for reading.
///
/// Owned by the engine. Thread: the one that made it; waiters resolve there, after the commit.
/// Stopping: with its Database. Every call fails with StorageUnavailable when the disk refuses.
class AuditStore final
{
public:
    explicit AuditStore(Database &database) : m_database(database) {}

    [[nodiscard]] Waiter<> record(AuditNote note);
    /// Newest first, by place and not by offset.
    [[nodiscard]] Waiter<QList<AuditEntry>> list(AuditFilter filter);

private:
    Database &m_database;
};

}  // namespace celldeck::storage
