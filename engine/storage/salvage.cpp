#include "storage/salvage.h"

#include <QFile>
#include <QLoggingCategory>
#include <QtEndian>
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
                            {"actor", "id"},
                            {"cell", "id"},
                            {"task", "id"},
                            {"audit", "id"},
                            {"moved", "task"},
                            {"adopted", "id"},
                            {"payload", "task"},
                            {"kernel", "notebook"},
                            {"asset", "id"},
                            {"lease", "rowid"},
                            {"recorded", "rowid"},
                            {"key", "name", Table::Key::Text},
                            {"setting", "name", Table::Key::Text}};

constexpr int RowsAtOnce = 1'000;

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

/// Copies one table, in the order of its key. Where a page cannot be read it goes on behind it: how
/// far that is it finds out in steps that double.
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
        qlonglong last = std::numeric_limits<qlonglong>::min();
        qlonglong step = 1;
        for (;;) {
            const auto taken = copySome(QStringLiteral("WHERE %1 > ? ORDER BY %1"), last);
            if (!taken)
                return fail(taken.error());
            if (taken->rows > 0) {
                last = taken->last.toLongLong();
                step = 1;
            }
            if (!taken->stuck) {
                if (taken->rows < RowsAtOnce)
                    return {};
                continue;
            }
            // Keys are never negative: from there on it is worth looking.
            last = std::max<qlonglong>(last, 0);
            if (step > std::numeric_limits<qlonglong>::max() / 2 - last)
                return {};
            last += step;
            step *= 2;
        }
    }

private:
    struct Taken
    {
        int rows = 0;
        QVariant last;
        bool stuck = false;  ///< on a page that cannot be read
    };

    Result<> copyByText()
    {
        for (const char *const order : {"ORDER BY %1", "ORDER BY %1 DESC"}) {
            const auto taken = copySome(QString::fromLatin1(order), {}, -1);
            if (!taken)
                return fail(taken.error());
            if (!taken->stuck)
                break;
        }
        return {};
    }

    Result<Taken> copySome(const QString &clause, const QVariant &after, int limit = RowsAtOnce)
    {
        Taken taken;
        std::vector<QVariantList> rows;
        const Result<> read = m_from.queryOnce(
            QStringLiteral("SELECT %1, %2 FROM %3 ")
                    .arg(QLatin1String(m_table.key), m_columns.join(QLatin1Char(',')),
                         QLatin1String(m_table.name)) +
                clause.arg(QLatin1String(m_table.key)) + QStringLiteral(" LIMIT %1").arg(limit),
            after.isValid() ? QVariantList{after} : QVariantList{}, [&](const Row &row) {
                taken.last = row.value(0);
                QVariantList values;
                for (int i = 0; i < m_columns.size(); ++i)
                    values << row.value(i + 1);
                rows.push_back(std::move(values));
            });
        taken.stuck = !read;
        taken.rows = int(rows.size());
        for (const QVariantList &values : rows) {
            if (const Result<> put = insert(values); !put)
                return fail(put.error());
        }
        return taken;
    }

    Result<> insert(const QVariantList &values)
    {
        QStringList places(values.size(), QStringLiteral("?"));
        return m_to.queryOnce(
            QStringLiteral("INSERT OR IGNORE INTO %1(%2) VALUES(%3)")
                .arg(QLatin1String(m_table.name), m_columns.join(QLatin1Char(',')),
                     places.join(QLatin1Char(','))),
            values, [](const Row &) {});
    }

    Connection &m_from;
    Connection &m_to;
    const Table m_table;
    const QStringList m_columns;
};

/// What was salvaged may have lost what other rows name: such rows mean nothing any more.
Result<> dropDangling(Connection &connection)
{
    for (const char *const sql :
         {"DELETE FROM cell WHERE notebook NOT IN (SELECT id FROM notebook)",
          "UPDATE cell SET terms = NULL WHERE terms NOT IN (SELECT id FROM terms)",
          "DELETE FROM task WHERE cell NOT IN (SELECT id FROM cell)",
          "UPDATE task SET outputs = NULL WHERE typeof(outputs) = 'integer'"
          " AND outputs NOT IN (SELECT id FROM output)",
          "DELETE FROM key WHERE task NOT IN (SELECT id FROM task)",
          "DELETE FROM kernel WHERE notebook NOT IN (SELECT id FROM notebook)",
          "UPDATE task SET actor = NULL WHERE actor NOT IN (SELECT id FROM actor)",
          "DELETE FROM audit WHERE actor NOT IN (SELECT id FROM actor)",
          "UPDATE audit SET notebook = NULL WHERE notebook NOT IN (SELECT id FROM notebook)"}) {
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
    if (const Result<> dropped = dropDangling(to); !dropped)
        return dropped;
    const auto committed = to.run(QStringLiteral("COMMIT"));
    if (!committed)
        return fail(committed.error());
    return {};
}

/// A copy to read from, with a header that makes sense: that of `fresh`, which has pages of the
/// same size, where the damaged one's own cannot be used.
Result<> copyWithHeader(const QString &damaged, const QString &fresh, const QString &copy)
{
    constexpr qsizetype HeaderBytes = 100;  // sqlite.org/fileformat2.html, section 1.3
    constexpr qsizetype PageSizeAt = 16;
    constexpr qsizetype ChangesAt = 24;
    constexpr qsizetype PagesAt = 28;
    constexpr qsizetype ValidForAt = 92;
    QFile model(fresh);
    QFile::remove(copy);
    QFile file(copy);
    if (!QFile::copy(damaged, copy) || !model.open(QIODevice::ReadOnly) ||
        !file.open(QIODevice::ReadWrite))
        return fail(ErrorCode::Io, QStringLiteral("%1 cannot be copied").arg(damaged));
    QByteArray header = model.read(HeaderBytes);
    if (header.size() < HeaderBytes)
        return fail(ErrorCode::Io, QStringLiteral("%1 has no header").arg(fresh));
    const auto pageBytes = qFromBigEndian<quint16>(header.constData() + PageSizeAt);
    qToBigEndian(quint32(file.size() / pageBytes), header.data() + PagesAt);
    qToBigEndian(quint32(1), header.data() + ChangesAt);
    qToBigEndian(quint32(1), header.data() + ValidForAt);
    if (file.write(header) != header.size() || !file.flush())
        return fail(ErrorCode::Io, QStringLiteral("%1: %2").arg(copy, file.errorString()));
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
        QFile::remove(copy);
    }
    return recovered ? flush() : recovered;
}

}  // namespace

Result<QString> setAsideAndSalvage(const QString &file)
{
    // Beside the damaged one, which keeps its place until all is done: a crash costs nothing.
    const QString part = file + QStringLiteral(".salvaged");
    for (const char *const left : {"", "-wal", "-shm"})
        QFile::remove(part + QLatin1String(left));
    const Result<> recovered = recover(file, part);
    crashPoint("salvage.recovered");
    if (recovered)
        return replace(part, file, QStringLiteral("damaged"));
    qCWarning(log, "%s: %s", qUtf8Printable(file), qUtf8Printable(recovered.error().message));
    return setAside(file, QStringLiteral("damaged"));
}

}  // namespace celldeck::storage
