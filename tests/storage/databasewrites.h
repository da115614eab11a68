#pragma once

#include "async/waiter.h"
#include "storage/database.h"

/// Something to write, for the tests of Database and its threads.
namespace celldeck::test {

inline Result<std::int64_t> addPath(storage::Connection &connection, const QString &path)
{
    const auto added =
        connection.run(QStringLiteral("INSERT INTO notebook(path) VALUES(?)"), {path});
    if (!added)
        return fail(added.error());
    return connection.number(QStringLiteral("SELECT count(*) FROM notebook"));
}

inline Waiter<std::int64_t> add(storage::Database &database, const QString &path)
{
    return database.write<std::int64_t>(
        [path](storage::Connection &connection) { return addPath(connection, path); });
}

}  // namespace celldeck::test
