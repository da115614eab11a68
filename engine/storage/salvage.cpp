#include "storage/salvage.h"

#include <QFile>
#include <QLoggingCategory>
#include <QtEndian>
#include <deque>
#include <limits>

#include "base/crashpoint.h"
#include "storage/connection.h"
#include "storage/migrator.h"
#include "storage/replacement.h"

namespace celldeck::storage {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.storage.salvage", QtInfoMsg)

struct Table
{
    const char *name;
    const char *key;  ///< What its B-tree is sorted by
    enum class Key { Number, Text } kind = Key::Number;
};

// Those that others name come first.
constexpr Table Tables[] = {{"notebook", "id"},
                            {"terms", "id"},
                            {"output", "id"},
                            {"cell", "id"},
                            {"task", "id"},
                            {"moved", "task"},
                            {"kernel", "notebook"},
                            {"asset", "id"},
                            {"lease", "rowid"},
                            {"recorded", "rowid"},
                            {"key", "name", Table::Key::Text},
                            {"setting", "name", Table::Key::Text}};

constexpr int RowsAtOnce = 1'000;

void removeAll(const QString &database)
{
    for (const char *const one : {"", "-wal", "-shm"})
        QFile::remove(database + QLatin1String(one));
}

// Of halves of one gap: some 50 microseconds each.
constexpr int MaxTries = 100;
constexpr int TriesInTable = 50'000;

/// SQLite reads what is behind the end of a file as zeros: the last page of a long value, which no
/// pointer gives away.
bool isCutOff(const QVariant &value)
{
    static const QByteArray zeros(64, '\0');
    if (value.typeId() == QMetaType::QString)
        return value.toString().contains(QChar(u'\0'));
    return value.typeId() == QMetaType::QByteArray && value.toByteArray().endsWith(zeros);
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

/// Copies what can be read of one table, in the order of its key. What cannot be read is a gap in
/// the keys: its far end is searched in steps that grow, and from there it is read backwards, and
/// within from its middle, in halves, as far as that is worth it.
class TableCopy
{
public:
    TableCopy(Connection &from, Connection &to, const Table &table, QStringList columns)
        : m_from(from), m_to(to), m_table(table), m_columns(std::move(columns))
    {}

    Result<> run()
    {
        if (m_table.kind == Table::Key::Text)
            return copyByText();
        Gap rest{-1, std::numeric_limits<qlonglong>::max() - 1};  // Keys are never negative.
        for (;;) {
            const auto whole = copyGap(rest, Direction::Up);
            if (!whole)
                return fail(whole.error());
            const auto next = *whole || m_tries <= 0 ? std::nullopt : nextReadable(rest.after);
            if (!next)
                return {};
            if (const Result<> filled = fill({rest.after, *next + 1}); !filled)
                return filled;
            rest.after = *next;
        }
    }

private:
    enum class Direction { Up, Down };
    /// Keys between these two have not been read.
    struct Gap
    {
        qlonglong after;
        qlonglong before;
    };
    struct Taken
    {
        int rows = 0;
        bool stuck = false;  ///< on a page that cannot be read
    };

    /// Makes it as small as it can from one side. True if nothing of it is left.
    Result<bool> copyGap(Gap &gap, Direction direction)
    {
        const bool up = direction == Direction::Up;
        const QString clause = up ? QStringLiteral("WHERE %1 > ? AND %1 < ? ORDER BY %1")
                                  : QStringLiteral("WHERE %1 > ? AND %1 < ? ORDER BY %1 DESC");
        while (gap.before - gap.after > 1) {
            // Pages that point the wrong way could lead round and round.
            const auto isOnwards = [&gap, up](const QVariant &key) {
                const qlonglong now = key.toLongLong();
                if (now <= gap.after || now >= gap.before)
                    return false;
                (up ? gap.after : gap.before) = now;
                return true;
            };
            const auto taken = copySome(clause, {gap.after, gap.before}, RowsAtOnce, isOnwards);
            if (!taken)
                return fail(taken.error());
            if (taken->stuck)
                return false;
            if (taken->rows < RowsAtOnce)
                return true;
        }
        return true;
    }

    /// A key behind which there is a row to read; nullopt if there is none any more.
    std::optional<qlonglong> nextReadable(qlonglong after)
    {
        for (qlonglong step = 1; step < std::numeric_limits<qlonglong>::max() / 2 - after;
             step += 1 + step / 8) {
            const qlonglong from = after + step;
            bool found = false;
            const Result<> read =
                m_from.query(QStringLiteral("SELECT %1 FROM %2 WHERE %1 > ? ORDER BY %1 LIMIT 1")
                                 .arg(QLatin1String(m_table.key), QLatin1String(m_table.name)),
                             {from}, [&](const Row &row) { found = row.integer(0) > from; });
            if (read)
                return found ? std::optional(from) : std::nullopt;
        }
        return std::nullopt;
    }

    Result<> fill(const Gap &whole)
    {
        std::deque<Gap> gaps{whole};
        for (int tries = 0; !gaps.empty() && tries < MaxTries; ++tries) {
            Gap gap = gaps.front();
            gaps.pop_front();
            for (const Direction direction : {Direction::Down, Direction::Up}) {
                const auto filled = copyGap(gap, direction);
                if (!filled)
                    return fail(filled.error());
                if (*filled)
                    gap.before = gap.after;
            }
            if (gap.before - gap.after < 3)
                continue;  // One key, which was tried.
            const qlonglong middle = gap.after + (gap.before - gap.after) / 2;
            gaps.push_back({gap.after, middle + 1});
            gaps.push_back({middle, gap.before});
        }
        return {};
    }

    Result<> copyByText()
    {
        const auto isAny = [](const QVariant &) { return true; };
        for (const char *const order : {"ORDER BY %1", "ORDER BY %1 DESC"}) {
            const auto taken = copySome(QString::fromLatin1(order), {}, -1, isAny);
            if (!taken)
                return fail(taken.error());
            if (!taken->stuck)
                break;
        }
        return {};
    }

    Result<Taken> copySome(const QString &clause, const QVariantList &between, int limit,
                           const std::function<bool(const QVariant &)> &isWanted)
    {
        Taken taken;
        std::vector<QVariantList> rows;
        const QString sql =
            QStringLiteral("SELECT %1, %2 FROM %3 ")
                .arg(QLatin1String(m_table.key), m_columns.join(QLatin1Char(',')),
                     QLatin1String(m_table.name)) +
            QString(clause).replace(QStringLiteral("%1"), QLatin1String(m_table.key)) +
            QStringLiteral(" LIMIT %1").arg(limit);
        const Result<> read = m_from.queryOnce(sql, between, [&](const Row &row) {
            if (taken.stuck || !isWanted(row.value(0))) {
                taken.stuck = true;
                return;
            }
            ++taken.rows;
            QVariantList values;
            for (int i = 0; i < m_columns.size(); ++i)
                values << row.value(i + 1);
            if (std::ranges::none_of(values, isCutOff))
                rows.push_back(std::move(values));
        });
        taken.stuck |= !read;
        m_tries -= 1;
        for (const QVariantList &values : rows) {
            if (const Result<> put = insert(values); !put)
                return fail(put.error());
        }
        return taken;
    }

    Result<> insert(const QVariantList &values)
    {
        QStringList places(values.size(), QStringLiteral("?"));
        const Result<> put =
            m_to.queryOnce(QStringLiteral("INSERT OR IGNORE INTO %1(%2) VALUES(%3)")
                               .arg(QLatin1String(m_table.name), m_columns.join(QLatin1Char(',')),
                                    places.join(QLatin1Char(','))),
                           values, [](const Row &) {});
        // A row that makes no sense (text for a number) costs no other.
        return put || m_to.takeFault() ? put : Result<>{};
    }

    Connection &m_from;
    Connection &m_to;
    const Table m_table;
    const QStringList m_columns;
    int m_tries = TriesInTable;
};

/// Rows may name others that could not be read. What a task has done and printed is worth keeping
/// without its code or its notebook's name; but it cannot run.
Result<> mendDangling(Connection &connection)
{
    for (const char *const sql :
         {"INSERT OR IGNORE INTO notebook(id, path) SELECT DISTINCT notebook,"
          " 'lost notebook ' || notebook FROM cell"
          " WHERE notebook NOT IN (SELECT id FROM notebook)",
          "INSERT OR IGNORE INTO notebook(path) SELECT 'lost notebook' WHERE EXISTS"
          " (SELECT 1 FROM task WHERE cell NOT IN (SELECT id FROM cell))",
          "INSERT OR IGNORE INTO cell(id, notebook, code) SELECT DISTINCT cell,"
          " (SELECT id FROM notebook WHERE path = 'lost notebook'), '' FROM task"
          " WHERE cell NOT IN (SELECT id FROM cell)",
          "DELETE FROM task WHERE cell NOT IN (SELECT id FROM cell)",
          "UPDATE task SET state = 6 WHERE typeof(state) <> 'integer' OR state NOT BETWEEN 0 AND 6",
          "UPDATE task SET state = 6, error = 'its cell could not be read from the damaged "
          "database'"
          " WHERE state < 2 AND cell IN (SELECT c.id FROM cell c"
          " JOIN notebook n ON n.id = c.notebook WHERE n.path LIKE 'lost notebook%')",
          "UPDATE cell SET terms = NULL WHERE terms NOT IN (SELECT id FROM terms)",
          "UPDATE task SET outputs = NULL WHERE typeof(outputs) = 'integer'"
          " AND outputs NOT IN (SELECT id FROM output)",
          "DELETE FROM key WHERE task NOT IN (SELECT id FROM task)",
          "DELETE FROM moved WHERE task NOT IN (SELECT id FROM task)",
          "DELETE FROM kernel WHERE notebook NOT IN (SELECT id FROM notebook)",
          "DELETE FROM lease WHERE notebook NOT IN (SELECT id FROM notebook)"
          " OR asset NOT IN (SELECT id FROM asset)",
          "DELETE FROM recorded WHERE asset NOT IN (SELECT id FROM asset)"}) {
        const auto done = connection.run(QString::fromLatin1(sql));
        if (!done)
            return fail(done.error());
    }
    return {};
}

Result<> copyAll(Connection &from, Connection &to)
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
        if (const Result<> copied = TableCopy(from, to, table, both).run(); !copied)
            return copied;
    }
    if (const Result<> mended = mendDangling(to); !mended)
        return mended;
    const auto committed = to.run(QStringLiteral("COMMIT"));
    if (!committed)
        return fail(committed.error());
    return {};
}

/// A copy to read from, with its WAL, and with a header that makes sense: that of `fresh`, which
/// has pages of the same size, where the damaged one's own cannot be used.
Result<> copyWithHeader(const QString &damaged, const QString &fresh, const QString &copy)
{
    constexpr qsizetype HeaderBytes = 100;  // sqlite.org/fileformat2.html, section 1.3
    constexpr qsizetype PageSizeAt = 16;
    constexpr qsizetype ChangesAt = 24;
    constexpr qsizetype PagesAt = 28;
    constexpr qsizetype ValidForAt = 92;
    const QString wal = QStringLiteral("-wal");
    removeAll(copy);
    QFile model(fresh);
    QFile file(copy);
    if (!QFile::copy(damaged, copy) ||
        (QFile::exists(damaged + wal) && !QFile::copy(damaged + wal, copy + wal)) ||
        !model.open(QIODevice::ReadOnly) || !file.open(QIODevice::ReadWrite))
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("%1 is damaged, and cannot be copied to be salvaged: is there "
                                   "room for it?")
                        .arg(damaged));
    QByteArray header = model.read(HeaderBytes);
    if (header.size() < HeaderBytes)
        return fail(ErrorCode::Io, QStringLiteral("%1 has no header").arg(fresh));
    const auto pageBytes = qFromBigEndian<quint16>(header.constData() + PageSizeAt);
    // SQLite takes an empty file for a new database, and throws its WAL away.
    const qint64 pages = std::max<qint64>(1, file.size() / pageBytes);
    qToBigEndian(quint32(pages), header.data() + PagesAt);
    qToBigEndian(quint32(1), header.data() + ChangesAt);
    qToBigEndian(quint32(1), header.data() + ValidForAt);
    if (file.write(header) != header.size() || !file.flush() ||
        (file.size() < pageBytes && !file.resize(pageBytes)))
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("%1: %2").arg(copy, file.errorString()));
    return {};
}

/// Copies what can be read of one file.
Result<> recoverFrom(const QString &damaged, Connection &to)
{
    auto from = Connection::open(damaged, Connection::Mode::Read);
    if (!from)
        return fail(from.error());
    // SQLite then also reads a file that is shorter than its header says.
    const Result<> lenient =
        (*from)->queryOnce(QStringLiteral("PRAGMA writable_schema=ON"), {}, [](const Row &) {});
    if (!lenient)
        return lenient;
    const auto tables = (*from)->number(QStringLiteral("SELECT count(*) FROM sqlite_schema"));
    if (!tables)
        return fail(tables.error());
    return copyAll(**from, to);
}

/// A new database at `file`, without a WAL, with what can be read of the damaged one.
Result<> recover(const QString &damaged, const QString &file)
{
    auto to = Connection::open(file, Connection::Mode::Write);
    if (!to)
        return fail(to.error());
    if (const Result<> made = migrate(**to, file); !made)
        return made;
    const auto flush = [&to] {
        return (*to)->queryOnce(QStringLiteral("PRAGMA wal_checkpoint(TRUNCATE)"), {},
                                [](const Row &) {});
    };
    if (const Result<> flushed = flush(); !flushed)
        return flushed;
    Result<> recovered = recoverFrom(damaged, **to);
    if (!recovered && recovered.error().code == ErrorCode::Damaged) {
        const QString copy = file + QStringLiteral(".salvaging");
        recovered = copyWithHeader(damaged, file, copy);
        if (recovered)
            recovered = recoverFrom(copy, **to);
        removeAll(copy);
    }
    return recovered ? flush() : recovered;
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
