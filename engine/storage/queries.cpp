#include "storage/queries.h"

#include <QFileInfo>

#include "storage/auditsql.h"
#include "storage/census.h"
#include "storage/migrator.h"
#include "storage/schema.h"
#include "storage/tasksql.h"

namespace celldeck::storage {

Queries::Queries(std::unique_ptr<Connection> connection, QString file)
    : m_connection(std::move(connection)), m_file(std::move(file))
{}

Result<Queries> Queries::open(const QString &file)
{
    auto connection = Connection::open(file, Connection::Mode::Read);
    if (!connection)
        return fail(connection.error());
    const auto version = versionOf(**connection, file);
    if (!version)
        return fail(version.error());
    if (*version < currentSchema())
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("the database %1 is of an older version: start celldeck serve "
                                   "once, which brings it up to date")
                        .arg(file));
    return Queries(std::move(*connection), file);
}

Result<QList<TaskRecord>> Queries::list(const TaskFilter &filter)
{
    return sql::list(*m_connection, filter);
}

Result<TaskDetail> Queries::loadByName(const QString &name)
{
    return sql::loadByName(*m_connection, name);
}

Result<QList<Lease>> Queries::leases(const LeaseFilter &filter)
{
    const auto clock = sql::leaseClock(*m_connection);
    if (!clock)
        return fail(clock.error());
    auto leases = sql::leases(*m_connection, filter);
    if (!leases)
        return leases;
    for (Lease &lease : *leases) {
        if (!lease.isPinned())
            lease.expires += clock->offset;
    }
    return leases;
}

Result<QList<Adoption>> Queries::adoptionsOf(TaskId task)
{
    return sql::adoptionsOf(*m_connection, task);
}

Result<TaskStats> Queries::stats(UtcTime now)
{
    // All of one moment: an engine may write meanwhile.
    if (const auto begun = m_connection->run(QStringLiteral("BEGIN")); !begun)
        return fail(begun.error());
    Census census({});
    const Result<> read = census.reread(*m_connection);
    auto stats = read ? sql::stats(*m_connection, census, m_file, now) : fail(read.error());
    if (const auto ended = m_connection->run(QStringLiteral("COMMIT")); !ended && stats)
        return fail(ended.error());
    return stats;
}

Result<QList<AuditEntry>> Queries::listAudit(const AuditFilter &filter)
{
    return sql::listAudit(*m_connection, filter);
}

}  // namespace celldeck::storage
