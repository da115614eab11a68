#pragma once

#include <QByteArray>
#include <QList>

#include "async/waiter.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

class Database;
class Connection;

/// Orphaned messages that an operator shows with a task. The task's own record knows nothing of
/// them.
struct Adoption
{
    TaskId task;
    QByteArray parent;  ///< the request that they named
    UtcTime since{};
    QByteArray outputs = "[]";  ///< A JSON array of nbformat outputs.

    bool operator==(const Adoption &) const = default;
};

/// Adoptions on disk; they go with their tasks. Owned by the engine. Thread: the one that made it;
/// waiters resolve there. Stopping: with its Database.
/// Every call fails with StorageUnavailable when the disk refuses.
class AdoptionStore final
{
public:
    explicit AdoptionStore(Database &database) : m_database(database) {}

    [[nodiscard]] Waiter<> add(Adoption adoption);
    /// In the order of adoption.
    [[nodiscard]] Waiter<QList<Adoption>> of(TaskId task);

private:
    Database &m_database;
};

namespace sql {
[[nodiscard]] Result<QList<Adoption>> adoptionsOf(Connection &connection, TaskId task);
}

}  // namespace celldeck::storage
