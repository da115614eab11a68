#pragma once

#include <memory>

#include "storage/adoptionstore.h"
#include "storage/audit.h"
#include "storage/connection.h"
#include "storage/leasestore.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

/// Reads a database without an engine, also beside a running one: for commands that answer and
/// end. Blocks. Thread: the one that opened it.
class Queries final
{
public:
    /// Fails with StorageUnavailable or NewerSchema.
    [[nodiscard]] static Result<Queries> open(const QString &file);

    [[nodiscard]] Result<QList<TaskRecord>> list(const TaskFilter &filter);
    [[nodiscard]] Result<TaskDetail> loadByName(const QString &name);
    [[nodiscard]] Result<QList<Adoption>> adoptionsOf(TaskId task);
    [[nodiscard]] Result<TaskStats> stats(UtcTime now);
    /// `expires` by the wall's clock, but of those that never do.
    [[nodiscard]] Result<QList<Lease>> leases(const LeaseFilter &filter);
    [[nodiscard]] Result<QList<AuditEntry>> listAudit(const AuditFilter &filter);

private:
    Queries(std::unique_ptr<Connection> connection, QString file);

    std::unique_ptr<Connection> m_connection;
    QString m_file;
};

}  // namespace celldeck::storage
