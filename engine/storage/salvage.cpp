#include "storage/salvage.h"

#include <QFile>
#include <QLoggingCategory>
#include <QtEndian>

#include "base/crashpoint.h"
#include "storage/connection.h"
#include "storage/migrator.h"
#include "storage/pagemender.h"
#include "storage/replacement.h"
#include "storage/schema.h"
#include "storage/schematext.h"
#include "storage/sectors.h"
#include "storage/tablecopy.h"

namespace celldeck::storage {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.storage.salvage", QtInfoMsg)

// Those that others name come first.
constexpr Table Tables[] = {{"notebook", "id"},
                            {"terms", "id"},
                            {"output", "id"},
                            {"actor", "id"},
                            {"cell", "id"},
                            {"task", "id"},
                            {"audit", "id"},
                            {"moved", "task"},
                            {"adopted", "id"},
                            {"payload", "task"},
                            {"shown", "task"},
                            {"kernel", "notebook"},
                            {"asset", "id"},
                            {"lease", "rowid"},
                            {"recorded", "rowid"},
                            {"key", "name", Table::Key::Text},
                            {"setting", "name", Table::Key::Text}};

void removeAll(const QString &database)
{
    for (const char *const one : {"", "-wal", "-shm"})
        QFile::remove(database + QLatin1String(one));
}

/// The columns that a table has in both databases: the damaged one may be of an older schema.
Result<QStringList> columnsOf(Connection &connection, const Table &table)
{
    QStringList columns;
    const Result<> read =
        connection.queryOnce(QStringLiteral("PRAGMA table_info(%1)").arg(QLatin1String(table.name)),
                             {}, [&columns](const Row &row) { columns << row.text(1); });
    if (!read)
        return fail(read.error());
    return columns;
}

struct Mending
{
    int since;  ///< the schema that has these tables
    const char *sql;
};

/// Rows may name others that could not be read. What a task has done and printed is worth keeping
/// without its code or its notebook's name; but it cannot run.
constexpr Mending Mendings[] = {
    {1, "DELETE FROM cell WHERE typeof(notebook) <> 'integer'"},
    {1, "DELETE FROM task WHERE typeof(cell) <> 'integer'"},
    {1,
     "INSERT OR IGNORE INTO notebook(id, path) SELECT DISTINCT notebook,"
     " 'lost notebook ' || notebook FROM cell WHERE notebook NOT IN (SELECT id FROM notebook)"},
    {1,
     "INSERT OR IGNORE INTO notebook(path) SELECT 'lost notebook' WHERE EXISTS"
     " (SELECT 1 FROM task WHERE cell NOT IN (SELECT id FROM cell))"},
    {1,
     "INSERT OR IGNORE INTO cell(id, notebook, code) SELECT DISTINCT cell,"
     " (SELECT id FROM notebook WHERE path = 'lost notebook'), '' FROM task"
     " WHERE cell NOT IN (SELECT id FROM cell)"},
    {1, "DELETE FROM task WHERE cell NOT IN (SELECT id FROM cell)"},
    {1, "UPDATE task SET state = 6 WHERE typeof(state) <> 'integer' OR state NOT BETWEEN 0 AND 6"},
    {1,
     "UPDATE task SET state = 6, error = 'its cell could not be read from the damaged database'"
     " WHERE state < 2 AND cell IN (SELECT c.id FROM cell c JOIN notebook n ON n.id = c.notebook"
     " WHERE n.path LIKE 'lost notebook%')"},
    {4, "UPDATE cell SET terms = NULL WHERE terms NOT IN (SELECT id FROM terms)"},
    {4,
     "UPDATE task SET outputs = NULL WHERE typeof(outputs) = 'integer'"
     " AND outputs NOT IN (SELECT id FROM output)"},
    {1, "DELETE FROM key WHERE task NOT IN (SELECT id FROM task)"},
    {2, "DELETE FROM moved WHERE task NOT IN (SELECT id FROM task)"},
    {2, "DELETE FROM kernel WHERE notebook NOT IN (SELECT id FROM notebook)"},
    {1, "DELETE FROM lease WHERE notebook NOT IN (SELECT id FROM notebook)"},
    {3, "DELETE FROM lease WHERE asset NOT IN (SELECT id FROM asset)"},
    {3, "DELETE FROM recorded WHERE asset NOT IN (SELECT id FROM asset)"},
    {5, "DELETE FROM adopted WHERE task NOT IN (SELECT id FROM task)"},
    {7, "DELETE FROM payload WHERE task NOT IN (SELECT id FROM task)"},
    {8, "DELETE FROM shown WHERE task NOT IN (SELECT id FROM task)"},
    {6, "UPDATE task SET actor = NULL WHERE actor NOT IN (SELECT id FROM actor)"},
    {6, "DELETE FROM audit WHERE actor NOT IN (SELECT id FROM actor)"},
    {6, "UPDATE audit SET notebook = NULL WHERE notebook NOT IN (SELECT id FROM notebook)"}};

Result<> mendDangling(Connection &connection, int version)
{
    for (const Mending &mending : Mendings) {
        if (mending.since > version)
            continue;
        if (const auto done = connection.run(QString::fromLatin1(mending.sql)); !done)
            return fail(done.error());
    }
    return {};
}

Result<> copyAll(Connection &from, Connection &to, int version)
{
    const auto begun = to.run(QStringLiteral("BEGIN IMMEDIATE"));
    if (!begun)
        return fail(begun.error());
    for (const Table &table : Tables) {
        const auto there = columnsOf(from, table);
        const auto here = columnsOf(to, table);
        if (!there || !here) {
            qCWarning(log, "the table %s cannot be read", table.name);
            continue;
        }
        QStringList both;
        for (const QString &column : *here) {
            if (there->contains(column))
                both << column;
        }
        if (both.isEmpty())
            continue;
        if (const Result<> copied = copyTable(from, to, table, both); !copied)
            return copied;
    }
    if (const Result<> mended = mendDangling(to, version); !mended)
        return mended;
    const auto committed = to.run(QStringLiteral("COMMIT"));
    if (!committed)
        return fail(committed.error());
    return {};
}

Result<> flush(Connection &connection)
{
    return connection.queryOnce(QStringLiteral("PRAGMA wal_checkpoint(TRUNCATE)"), {},
                                [](const Row &) {});
}

/// A new one, without a WAL.
Result<> makeDatabase(const QString &file, int version)
{
    const auto connection = Connection::open(file, Connection::Mode::Write);
    if (!connection)
        return fail(connection.error());
    if (const Result<> raised = raise(**connection, version); !raised)
        return raised;
    return flush(**connection);
}

// sqlite.org/fileformat2.html, section 1.3
constexpr qsizetype HeaderBytes = 100;
constexpr qsizetype PageSizeAt = 16;
constexpr qsizetype ChangesAt = 24;
constexpr qsizetype PagesAt = 28;
constexpr qsizetype VersionAt = 60;
constexpr qsizetype ValidForAt = 92;
const QByteArray Magic("SQLite format 3", 16);

std::unexpected<Error> cannotCopy(const QString &damaged)
{
    return fail(ErrorCode::StorageUnavailable,
                QStringLiteral("%1 is damaged, and cannot be copied to be salvaged: is there room "
                               "for it?")
                    .arg(damaged));
}

/// Gives the copy a header that makes sense: that of `model`, which has pages of the same size.
Result<> setHeader(const QString &copy, const QString &model)
{
    QFile from(model);
    QFile file(copy);
    if (!from.open(QIODevice::ReadOnly) || !file.open(QIODevice::ReadWrite))
        return cannotCopy(copy);
    QByteArray header = from.read(HeaderBytes);
    if (header.size() < HeaderBytes)
        return fail(ErrorCode::StorageUnavailable, QStringLiteral("%1 has no header").arg(model));
    const auto pageBytes = qFromBigEndian<quint16>(header.constData() + PageSizeAt);
    // SQLite takes an empty file for a new database, and throws its WAL away.
    const qint64 pages = std::max<qint64>(1, file.size() / pageBytes);
    qToBigEndian(quint32(pages), header.data() + PagesAt);
    qToBigEndian(quint32(1), header.data() + ChangesAt);
    qToBigEndian(quint32(1), header.data() + ValidForAt);
    // A page that was cut off would be read as if it ended in zeros.
    if (file.write(header) != header.size() || !file.flush() || !file.resize(pages * pageBytes))
        return cannotCopy(copy);
    return {};
}

QByteArray headerOf(const QString &file)
{
    QFile from(file);
    const QByteArray header =
        from.open(QIODevice::ReadOnly) ? from.read(HeaderBytes) : QByteArray();
    return header.size() == HeaderBytes && header.startsWith(Magic) ? header : QByteArray();
}

Result<> mend(const QString &copy, const QString &model)
{
    for (const auto &step : {setHeader, mendPages, setHeader}) {
        if (const Result<> done = step(copy, model); !done)
            return done;
    }
    return {};
}

/// The version of the damaged one's schema, as its header has it, or else the current one.
int toldVersion(const QByteArray &header)
{
    const auto version =
        header.isEmpty() ? 0U : qFromBigEndian<quint32>(header.constData() + VersionAt);
    const bool isKnown = version > 0 && version <= quint32(currentSchema());
    return isKnown ? int(version) : currentSchema();
}

/// Whoever closes a database last moves its log into it; but it must open.
Result<> moveLogIn(const QString &copy)
{
    auto opened = Connection::open(copy, Connection::Mode::Write);
    if (opened && !headerOf(copy).isEmpty())
        return {};
    const QString model = copy + QStringLiteral("-model");
    removeAll(model);
    const Result<> made = makeDatabase(model, toldVersion(headerOf(copy)));
    const Result<> mended = made ? mend(copy, model) : made;
    removeAll(model);
    if (!mended)
        return mended;
    opened = Connection::open(copy, Connection::Mode::Write);
    if (!opened)
        qCWarning(log, "%s", qUtf8Printable(opened.error().message));
    return {};
}

Result<> copyPages(const QString &from, const QString &to)
{
    const auto pages = copyReadable(from, to);
    if (!pages)
        return cannotCopy(from);
    if (pages->refused > 0)
        qCWarning(log, "%lld of %lld pages of %s cannot be read from the disk",
                  qlonglong(pages->refused), qlonglong(pages->read + pages->refused),
                  qUtf8Printable(from));
    return {};
}

/// A copy to work on that has what was in the WAL; returns the version of its schema.
Result<int> copyWithLog(const QString &damaged, const QString &copy)
{
    const QString wal = QStringLiteral("-wal");
    removeAll(copy);
    if (const Result<> copied = copyPages(damaged, copy); !copied)
        return fail(copied.error());
    if (QFile::exists(damaged + wal)) {
        if (const Result<> copied = copyPages(damaged + wal, copy + wal); !copied)
            return fail(copied.error());
    }
    if (const Result<> moved = moveLogIn(copy); !moved)
        return fail(moved.error());
    const int told = toldVersion(headerOf(copy));
    const auto connection = Connection::open(copy, Connection::Mode::Read);
    if (!connection)
        return told;
    const auto entries = schemaOf(**connection);
    return entries ? likeliestVersion(*entries, told) : told;
}

/// Puts what can be read of `copy`, which is mended for that, into a new database at `file`,
/// without a WAL: first as one of the same version, so that nothing is lost that a later one has
/// elsewhere.
Result<> recoverFrom(const QString &copy, int version, const QString &file)
{
    if (const Result<> made = makeDatabase(file, version); !made)
        return made;
    if (const Result<> mended = mend(copy, file); !mended)
        return mended;
    auto from = Connection::open(copy, Connection::Mode::Read);
    if (!from)
        return fail(from.error());
    const auto tables = (*from)->number(QStringLiteral("SELECT count(*) FROM sqlite_schema"));
    if (!tables)
        return fail(tables.error());
    auto to = Connection::open(file, Connection::Mode::Write);
    if (!to)
        return fail(to.error());
    if (const Result<> copied = copyAll(**from, **to, version); !copied)
        return copied;
    if (const Result<> raised = raise(**to, currentSchema()); !raised)
        return raised;
    return flush(**to);
}

Result<> recover(const QString &damaged, const QString &file)
{
    const QString copy = file + QStringLiteral(".salvaging");
    const auto version = copyWithLog(damaged, copy);
    const Result<> recovered =
        version ? recoverFrom(copy, *version, file) : Result<>(fail(version.error()));
    removeAll(copy);
    return recovered;
}

}  // namespace

Result<QString> setAsideAndSalvage(const QString &file)
{
    // Beside the damaged one, which keeps its place until all is done: a crash costs nothing.
    const QString part = file + QStringLiteral(".salvaged");
    removeAll(part);
    const Result<> recovered = recover(file, part);
    crashPoint("salvage.recovered");
    if (recovered)
        return replace(part, file, QStringLiteral("damaged"));
    removeAll(part);
    // A disk that refuses now says nothing about what could be read: an empty queue in its place
    // would look as if all were lost.
    if (recovered.error().code != ErrorCode::Damaged)
        return fail(ErrorCode::StorageUnavailable, recovered.error().message);
    qCWarning(log, "%s: %s", qUtf8Printable(file), qUtf8Printable(recovered.error().message));
    return setAside(file, QStringLiteral("damaged"));
}

}  // namespace celldeck::storage
