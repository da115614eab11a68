#include "storage/adoptionstore.h"

#include "storage/database.h"

namespace celldeck::storage {

Waiter<> AdoptionStore::add(Adoption adoption)
{
    return m_database.write<void>(
        [adoption = std::move(adoption)](Connection &connection) -> Result<> {
            const auto done = connection.run(
                QStringLiteral("INSERT INTO adopted(task, parent, since, outputs)"
                               " VALUES(?, ?, ?, ?)"),
                {qlonglong(adoption.task.value()), QString::fromUtf8(adoption.parent),
                 qlonglong(adoption.since.time_since_epoch().count()), adoption.outputs});
            if (!done)
                return fail(done.error());
            return {};
        });
}

Waiter<QList<Adoption>> AdoptionStore::of(TaskId task)
{
    return m_database.read<QList<Adoption>>(
        [task](Connection &connection) { return sql::adoptionsOf(connection, task); });
}

Result<QList<Adoption>> sql::adoptionsOf(Connection &connection, TaskId task)
{
    QList<Adoption> list;
    const Result<> read = connection.query(
        QStringLiteral("SELECT parent, since, outputs FROM adopted WHERE task = ? ORDER BY id"),
        {qlonglong(task.value())}, [&list, task](const Row &row) {
            list.append({.task = task,
                         .parent = row.text(0).toUtf8(),
                         .since = UtcTime(Milliseconds(row.integer(1))),
                         .outputs = row.bytes(2)});
        });
    if (!read)
        return fail(read.error());
    return list;
}

}  // namespace celldeck::storage
