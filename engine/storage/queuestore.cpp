#include "storage/queuestore.h"

#include "storage/auditsql.h"
#include "storage/database.h"
#include "storage/notebookrow.h"

namespace celldeck::storage {

namespace {

// Names in the table `setting`.
const QString AllPaused = QStringLiteral("paused");
const QString BegunAt = QStringLiteral("begun_at");

Result<> put(Connection &connection, const QString &name, const QVariant &value)
{
    const auto done =
        value.isNull()
            ? connection.run(QStringLiteral("DELETE FROM setting WHERE name = ?"), {name})
            : connection.run(QStringLiteral("INSERT INTO setting(name, value)"
                                            " VALUES(?, ?) ON CONFLICT(name) DO"
                                            " UPDATE SET value = excluded.value"),
                             {name, value});
    if (!done)
        return fail(done.error());
    return {};
}

/// Sets a column of a notebook's row, which is made if it is not there yet.
Result<> set(Connection &connection, const QString &path, const QString &column,
             const QVariant &value)
{
    const auto notebook = notebookRow(connection, path);
    if (!notebook)
        return fail(notebook.error());
    const auto done =
        connection.run(QStringLiteral("UPDATE notebook SET %1 = ? WHERE id = ?").arg(column),
                       {value, qlonglong(*notebook)});
    if (!done)
        return fail(done.error());
    return {};
}

Result<QueueOrders> loadOrders(Connection &connection)
{
    QueueOrders orders;
    const auto paused =
        connection.number(QStringLiteral("SELECT value FROM setting WHERE name = ?"), {AllPaused});
    if (!paused)
        return fail(paused.error());
    if (*paused != 0)
        orders.flow = Flow::Paused;
    const Result<> read = connection.query(
        QStringLiteral("SELECT path, paused, stop_on_error FROM notebook"
                       " WHERE paused IS NOT NULL OR stop_on_error IS NOT NULL"),
        {}, [&orders](const Row &row) {
            if (row.integer(1) != 0)
                orders.pausedNotebooks.insert(row.text(0));
            if (!row.isNull(2))
                orders.onError.insert(row.text(0),
                                      row.integer(2) != 0 ? OnError::Stop : OnError::GoOn);
        });
    if (!read)
        return fail(read.error());
    return orders;
}

}  // namespace

Waiter<QueueOrders> QueueStore::load()
{
    return m_database.read<QueueOrders>(loadOrders);
}

Waiter<> QueueStore::setFlow(QString notebookPath, Flow flow, std::optional<AuditNote> note)
{
    return m_database.write<void>([path = std::move(notebookPath), flow,
                                   note = std::move(note)](Connection &connection) -> Result<> {
        const QVariant value = flow == Flow::Paused ? QVariant(1) : QVariant();
        const Result<> done = path.isEmpty()
                                  ? put(connection, AllPaused, value)
                                  : set(connection, path, QStringLiteral("paused"), value);
        return done && note ? sql::record(connection, *note) : done;
    });
}

Waiter<> QueueStore::setOnError(QString notebookPath, OnError onError,
                                std::optional<AuditNote> note)
{
    return m_database.write<void>([path = std::move(notebookPath), onError,
                                   note = std::move(note)](Connection &connection) -> Result<> {
        const QVariant value = onError == OnError::AsSubmitted
                                   ? QVariant()
                                   : QVariant(onError == OnError::Stop ? 1 : 0);
        const Result<> done = set(connection, path, QStringLiteral("stop_on_error"), value);
        return done && note ? sql::record(connection, *note) : done;
    });
}

Waiter<std::optional<UtcTime>> QueueStore::begin(UtcTime now)
{
    return m_database.write<std::optional<UtcTime>>(
        [now](Connection &connection) -> Result<std::optional<UtcTime>> {
            const auto before = connection.number(
                QStringLiteral("SELECT value FROM setting WHERE name = ?"), {BegunAt});
            if (!before)
                return fail(before.error());
            if (const Result<> done =
                    put(connection, BegunAt, qlonglong(now.time_since_epoch().count()));
                !done)
                return fail(done.error());
            if (*before == 0)
                return std::nullopt;
            return UtcTime(Milliseconds(*before));
        });
}

Waiter<> QueueStore::end()
{
    return m_database.write<void>(
        [](Connection &connection) { return put(connection, BegunAt, {}); });
}

}  // namespace celldeck::storage
