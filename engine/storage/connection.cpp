#include "storage/connection.h"

#include <QFile>
#include <QHash>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QUuid>

namespace celldeck::storage {

namespace {

// Primary result codes of SQLite: sqlite.org/rescode.html
constexpr int SqliteCorrupt = 11;
constexpr int SqliteNotADatabase = 26;

std::unexpected<Error> sqlError(const QString &doing, const QSqlError &error)
{
    const int code = error.nativeErrorCode().toInt() & 0xff;
    const bool damaged = code == SqliteCorrupt || code == SqliteNotADatabase;
    return fail(damaged ? ErrorCode::Damaged : ErrorCode::StorageUnavailable,
                QStringLiteral("the database failed (%1) at: %2")
                    .arg(error.databaseText().trimmed(), doing.simplified()));
}

class QueryRow final : public Row
{
public:
    explicit QueryRow(const QSqlQuery &query) : m_query(query) {}
    bool isNull(int column) const override { return m_query.isNull(column); }
    std::int64_t integer(int column) const override { return m_query.value(column).toLongLong(); }
    QString text(int column) const override { return m_query.value(column).toString(); }
    QByteArray bytes(int column) const override { return m_query.value(column).toByteArray(); }
    QVariant value(int column) const override { return m_query.value(column); }

private:
    const QSqlQuery &m_query;
};

template <class Values>
Result<> execute(QSqlQuery &query, const QString &sql, const Values &values)
{
    int place = 0;
    for (const QVariant &value : values)
        query.bindValue(place++, value);
    if (!query.exec())
        return sqlError(sql, query.lastError());
    return {};
}

Result<> readRows(QSqlQuery &query, const QString &sql,
                  const std::function<void(const Row &)> &read)
{
    const QueryRow row(query);
    while (query.next())
        read(row);
    const QSqlError error = query.lastError();
    query.finish();
    if (error.isValid())
        return sqlError(sql, error);
    return {};
}

}  // namespace

struct Connection::Private
{
    QString name = QUuid::createUuid().toString(QUuid::WithoutBraces);
    QSqlDatabase database;
    QHash<QString, std::shared_ptr<QSqlQuery>> statements;

    ~Private()
    {
        statements.clear();
        database.close();
        database = {};
        QSqlDatabase::removeDatabase(name);
    }

    Result<std::shared_ptr<QSqlQuery>> statement(const QString &sql)
    {
        if (auto known = statements.value(sql))
            return known;
        auto query = std::make_shared<QSqlQuery>(database);
        query->setForwardOnly(true);
        if (!query->prepare(sql))
            return sqlError(sql, query->lastError());
        statements.insert(sql, query);
        return query;
    }
};

Connection::Connection(std::unique_ptr<Private> priv) : d(std::move(priv)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const QString &file, Mode mode)
{
    auto priv = std::make_unique<Private>();
    priv->database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), priv->name);
    if (!priv->database.isValid())
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("Qt's SQLite driver is missing: install libqt6sql6-sqlite"));
    priv->database.setDatabaseName(file);
    priv->database.setConnectOptions(
        mode == Mode::Read ? QStringLiteral("QSQLITE_OPEN_READONLY;QSQLITE_BUSY_TIMEOUT=5000")
                           : QStringLiteral("QSQLITE_BUSY_TIMEOUT=5000"));
    if (!priv->database.open())
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("the database %1 cannot be opened (%2)")
                        .arg(file, priv->database.lastError().text().trimmed()));

    std::unique_ptr<Connection> connection(new Connection(std::move(priv)));
    if (mode == Mode::Read)
        return connection;
    // FULL: a commit has reached the disk before anyone is told of it. The WAL shrinks again after
    // a burst.
    QStringList pragmas;
    const auto pages = connection->number(QStringLiteral("PRAGMA page_count"));
    if (pages && *pages == 0)  // Before anything is in it: cleanup gives room back in steps.
        pragmas << QStringLiteral("PRAGMA auto_vacuum=INCREMENTAL");
    pragmas << QStringList{QStringLiteral("PRAGMA journal_mode=WAL"),
                           QStringLiteral("PRAGMA synchronous=FULL"),
                           // 1 MB, and then from its beginning again: an fsync of blocks that exist
                           // takes two thirds of one of blocks that the file grows by.
                           QStringLiteral("PRAGMA wal_autocheckpoint=256"),
                           QStringLiteral("PRAGMA journal_size_limit=16777216")};
    for (const QString &pragma : std::as_const(pragmas)) {
        const Result<> set = connection->queryOnce(pragma, {}, [](const Row &) {});
        if (!set)
            return fail(set.error().code, QStringLiteral("the database %1 cannot be used: %2")
                                              .arg(file, set.error().message));
    }
    return connection;
}

Result<int> Connection::run(const QString &sql, Values values)
{
    const auto query = d->statement(sql);
    if (!query)
        return fail(query.error());
    if (const Result<> done = execute(**query, sql, values); !done)
        return fail(done.error());
    const int changed = (*query)->numRowsAffected();
    (*query)->finish();
    return changed;
}

Result<> Connection::query(const QString &sql, Values values,
                           const std::function<void(const Row &)> &read)
{
    const auto query = d->statement(sql);
    if (!query)
        return fail(query.error());
    if (const Result<> done = execute(**query, sql, values); !done)
        return done;
    return readRows(**query, sql, read);
}

Result<> Connection::queryOnce(const QString &sql, const QVariantList &values,
                               const std::function<void(const Row &)> &read)
{
    QSqlQuery query(d->database);
    query.setForwardOnly(true);
    if (!query.prepare(sql))
        return sqlError(sql, query.lastError());
    if (const Result<> done = execute(query, sql, values); !done)
        return done;
    return readRows(query, sql, read);
}

Result<std::int64_t> Connection::number(const QString &sql, Values values)
{
    std::int64_t first = 0;
    bool seen = false;
    const Result<> read = query(sql, values, [&](const Row &row) {
        if (!seen)
            first = row.integer(0);
        seen = true;
    });
    if (!read)
        return fail(read.error());
    return first;
}

}  // namespace celldeck::storage
