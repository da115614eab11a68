#include "storage/connection.h"

#include <sqlite3.h>
#include <QFile>
#include <QHash>

#include "base/json.h"
#include "storage/databasecopy.h"
#include "storage/sectors.h"
#include "storage/statement.h"

namespace celldeck::storage {

namespace {

constexpr int BusyTimeoutMs = 5'000;

/// One that SQLite takes for a later version's, to be read only: there is none, and a wrong byte in
/// the header says so.
bool isOfLaterFormat(sqlite3 *database, const QString &path)
{
    constexpr qsizetype WriteVersion = 18;  // its place in the header
    constexpr char Wal = 2;
    if (sqlite3_db_readonly(database, "main") != 1)
        return false;
    QFile file(path);
    const QByteArray header =
        file.open(QIODevice::ReadOnly) ? file.read(WriteVersion + 1) : QByteArray();
    return header.size() > WriteVersion && static_cast<unsigned char>(header[WriteVersion]) > Wal;
}

}  // namespace

bool Row::isNull(int column) const
{
    return sqlite3_column_type(m_statement, column) == SQLITE_NULL;
}

std::int64_t Row::integer(int column) const
{
    return sqlite3_column_int64(m_statement, column);
}

QString Row::text(int column) const
{
    return textFromUtf8(utf8(column));
}

QByteArrayView Row::utf8(int column) const
{
    const auto *text = sqlite3_column_text(m_statement, column);
    return {reinterpret_cast<const char *>(text), sqlite3_column_bytes(m_statement, column)};
}

QByteArray Row::bytes(int column) const
{
    const auto *bytes = static_cast<const char *>(sqlite3_column_blob(m_statement, column));
    return {bytes, sqlite3_column_bytes(m_statement, column)};
}

QVariant Row::value(int column) const
{
    switch (sqlite3_column_type(m_statement, column)) {
    case SQLITE_INTEGER:
        return QVariant(qlonglong(integer(column)));
    case SQLITE_FLOAT:
        return QVariant(sqlite3_column_double(m_statement, column));
    case SQLITE_TEXT:
        return QVariant(text(column));
    case SQLITE_BLOB:
        return QVariant(bytes(column));
    default:
        return {};
    }
}

struct Connection::Private
{
    sqlite3 *database = nullptr;
    QHash<const QChar *, sqlite3_stmt *> literals;  // a literal is known by its address
    std::map<QString, Statement> statements;

    std::int64_t logPages = 0;
    std::optional<Error> fault;
    bool fileIsReadable = false;  // as was seen at the first damage

    ~Private()
    {
        statements.clear();
        sqlite3_close(database);
    }

    QString file() const { return QFile::decodeName(sqlite3_db_filename(database, "main")); }

    /// ": what to do" about what SQLite has just refused; "" where there is nothing to be done.
    QString advice() const
    {
        switch (sqlite3_errcode(database) & 0xff) {
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
            return QStringLiteral(
                ": check its rights and those of its folder, or choose another with --data-dir");
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return QStringLiteral(": another program uses it");
        case SQLITE_FULL:
            return QStringLiteral(": make room on its disk");
        default:
            return {};
        }
    }

    std::unexpected<Error> error(const QString &doing)
    {
        const int code = sqlite3_errcode(database) & 0xff;
        // Of a format that a wrong byte in the header names it says only this.
        const bool isUnknown = code == SQLITE_ERROR &&
                               qstrcmp(sqlite3_errmsg(database), "unsupported file format") == 0;
        const bool senseless = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || isUnknown;
        // SQLite calls a file corrupt whose reading fails with EIO: what the disk does not give now
        // is not to be taken for damage while it runs.
        if (senseless && !fileIsReadable)
            fileIsReadable = isReadable(sqlite3_db_filename(database, "main"));
        const bool damaged = senseless && fileIsReadable;
        const bool refused = senseless || code == SQLITE_READONLY || code == SQLITE_IOERR ||
                             code == SQLITE_FULL || code == SQLITE_CANTOPEN;
        auto failure = fail(damaged ? ErrorCode::Damaged : ErrorCode::StorageUnavailable,
                            QStringLiteral("the database %1 failed (%2%3) at: %4")
                                .arg(file(), QString::fromUtf8(sqlite3_errmsg(database)), advice(),
                                     doing.simplified()));
        if (damaged || (refused && !fault))
            fault = failure.error();
        return failure;
    }

    Result<Statement> prepare(const QString &sql, unsigned flags)
    {
        const QByteArray text = sql.toUtf8();
        sqlite3_stmt *prepared = nullptr;
        const char *rest = nullptr;
        const int code = sqlite3_prepare_v3(database, text.constData(), int(text.size()) + 1, flags,
                                            &prepared, &rest);
        Statement statement(prepared);
        if (code != SQLITE_OK)
            return error(sql);
        if (!statement || !QByteArrayView(rest).trimmed().isEmpty())
            return fail(ErrorCode::StorageUnavailable,
                        QStringLiteral("this is not one statement: %1").arg(sql));
        return statement;
    }

    Result<sqlite3_stmt *> statement(const QString &sql)
    {
        const bool isLiteral = !sql.data_ptr().isMutable();
        if (isLiteral) {
            if (sqlite3_stmt *known = literals.value(sql.constData()))
                return known;
        }
        auto found = statements.find(sql);
        if (found == statements.end()) {
            auto prepared = prepare(sql, SQLITE_PREPARE_PERSISTENT);
            if (!prepared)
                return fail(prepared.error());
            found = statements.emplace(sql, std::move(*prepared)).first;
        }
        if (isLiteral)
            literals.insert(sql.constData(), found->second.get());
        return found->second.get();
    }

    template <class Values>
    Result<> readAll(sqlite3_stmt *statement, const QString &sql, const Values &values,
                     const std::function<void(const Row &)> &read)
    {
        Run run(statement, values);
        const Row row(statement);
        while (run.next())
            read(row);
        if (!run.isDone())
            return error(sql);
        return {};
    }
};

Connection::Connection(std::unique_ptr<Private> priv) : d(std::move(priv)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::open(const QString &file, Mode mode)
{
    auto priv = std::make_unique<Private>();
    const int flags =
        mode == Mode::Read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(file.toUtf8().constData(), &priv->database, flags | SQLITE_OPEN_NOMUTEX,
                        nullptr) != SQLITE_OK)
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("the database %1 cannot be opened (%2)")
                        .arg(file, QString::fromUtf8(sqlite3_errmsg(priv->database))));
    sqlite3_busy_timeout(priv->database, BusyTimeoutMs);

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
                           QStringLiteral("PRAGMA wal_autocheckpoint=256"),
                           QStringLiteral("PRAGMA journal_size_limit=16777216")};
    for (const QString &pragma : std::as_const(pragmas)) {
        const Result<> set = connection->queryOnce(pragma, {}, [](const Row &) {});
        if (!set)
            return fail(set.error());
    }
    if (isOfLaterFormat(connection->d->database, file))
        return fail(ErrorCode::Damaged,
                    QStringLiteral("the database %1 is damaged: its header has a format that does "
                                   "not exist")
                        .arg(file));
    return connection;
}

Result<int> Connection::run(const QString &sql, Values values)
{
    const auto statement = d->statement(sql);
    if (!statement)
        return fail(statement.error());
    if (const Result<> done = d->readAll(*statement, sql, values, [](const Row &) {}); !done)
        return fail(done.error());
    return sqlite3_changes(d->database);
}

Result<std::int64_t> Connection::insert(const QString &sql, Values values)
{
    const auto done = run(sql, values);
    if (!done)
        return fail(done.error());
    return sqlite3_last_insert_rowid(d->database);
}

Result<> Connection::query(const QString &sql, Values values,
                           const std::function<void(const Row &)> &read)
{
    const auto statement = d->statement(sql);
    if (!statement)
        return fail(statement.error());
    return d->readAll(*statement, sql, values, read);
}

Result<> Connection::queryOnce(const QString &sql, const QVariantList &values,
                               const std::function<void(const Row &)> &read)
{
    const auto statement = d->prepare(sql, 0);
    if (!statement)
        return fail(statement.error());
    return d->readAll(statement->get(), sql, values, read);
}

std::optional<Error> Connection::takeFault()
{
    return std::exchange(d->fault, std::nullopt);
}

std::int64_t Connection::logPages() const
{
    return d->logPages;
}

void Connection::stopAutomaticCheckpoints()
{
    // The hook takes the place of SQLite's own, which checkpoints inside COMMIT.
    sqlite3_wal_hook(
        d->database,
        [](void *priv, sqlite3 *, const char *, int pages) {
            static_cast<Private *>(priv)->logPages = pages;
            return SQLITE_OK;
        },
        d.get());
}

Result<> Connection::layOutLog(std::int64_t pages, Sync sync)
{
    constexpr std::int64_t LogHeaderBytes = 32;  // sqlite.org/fileformat2.html#walformat
    constexpr std::int64_t FrameHeaderBytes = 24;
    const auto pageBytes = number(QStringLiteral("PRAGMA page_size"));
    if (!pageBytes)
        return fail(pageBytes.error());
    sqlite3_file *log = nullptr;
    sqlite3_file_control(d->database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    const auto refused = [] {
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("the database's log cannot be laid out"));
    };
    sqlite3_int64 end = 0;
    if (!log || !log->pMethods || log->pMethods->xFileSize(log, &end) != SQLITE_OK)
        return refused();
    const sqlite3_int64 size = end;
    // Where nothing follows the last commit, zeros do: no frame begins with them.
    const QByteArray nothing(1 << 16, '\0');
    const std::int64_t wanted = LogHeaderBytes + pages * (FrameHeaderBytes + *pageBytes);
    while (end < wanted) {
        const int bytes = int(std::min<std::int64_t>(nothing.size(), wanted - end));
        if (log->pMethods->xWrite(log, nothing.constData(), bytes, end) != SQLITE_OK) {
            // The room that there is belongs to the commits. Cut back or not, it is sound.
            (void)log->pMethods->xTruncate(log, size);
            return refused();
        }
        end += bytes;
    }
    if (end == size || sync == Sync::WithNextCommit)
        return {};
    if (log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) != SQLITE_OK)
        return refused();
    return {};
}

Result<> Connection::copyTo(const QString &file)
{
    return copyDatabase(d->database, file);
}

Result<std::int64_t> Connection::checkpoint()
{
    int pages = 0;
    int moved = 0;
    const int code =
        sqlite3_wal_checkpoint_v2(d->database, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
    if (code != SQLITE_OK && code != SQLITE_BUSY)
        return d->error(QStringLiteral("checkpoint"));
    return std::max(0, pages - moved);
}

Result<std::int64_t> Connection::usedBytes()
{
    return number(
        QStringLiteral("SELECT (p.page_count - f.freelist_count) * s.page_size FROM"
                       " pragma_page_count p, pragma_freelist_count f, pragma_page_size s"));
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
