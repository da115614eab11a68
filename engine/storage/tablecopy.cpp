#include "storage/tablecopy.h"

#include <limits>

namespace celldeck::storage {

namespace {

constexpr int RowsAtOnce = 1'000;

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
        Gap gap{-1, std::numeric_limits<qlonglong>::max()};  // Keys are never negative.
        for (const Direction direction : {Direction::Up, Direction::Down}) {
            const auto whole = copyGap(gap, direction);
            if (!whole)
                return fail(whole.error());
            if (*whole)
                break;
        }
        return {};
    }

private:
    enum class Direction { Up, Down };
    /// Keys between these two have not been read.
    struct Gap
    {
        qlonglong after;
        qlonglong before;

        bool narrow(qlonglong key, Direction direction)
        {
            // Pages that point the wrong way could lead round and round.
            if (key <= after || key >= before)
                return false;
            (direction == Direction::Up ? after : before) = key;
            return true;
        }
    };
    struct Taken
    {
        int rows = 0;
        bool stuck = false;  ///< on a row that cannot be read
    };

    /// Makes it as small as it can from one side. True if nothing of it is left.
    Result<bool> copyGap(Gap &gap, Direction direction)
    {
        const QString clause = direction == Direction::Up
                                   ? QStringLiteral("WHERE %1 > ? AND %1 < ? ORDER BY %1")
                                   : QStringLiteral("WHERE %1 > ? AND %1 < ? ORDER BY %1 DESC");
        for (;;) {
            const auto isOnwards = [&gap, direction](const QVariant &key) {
                return gap.narrow(key.toLongLong(), direction);
            };
            const auto taken = copySome(clause, {gap.after, gap.before}, RowsAtOnce, isOnwards);
            if (!taken)
                return fail(taken.error());
            if (taken->stuck && !skip(gap, clause, direction))
                return false;
            if (!taken->stuck && taken->rows < RowsAtOnce)
                return true;
        }
    }

    bool skip(Gap &gap, const QString &clause, Direction direction)
    {
        std::optional<qlonglong> next;
        const Result<> read = m_from.queryOnce(
            QString(QStringLiteral("SELECT %1 FROM %2 ") + clause + QStringLiteral(" LIMIT 1"))
                .replace(QStringLiteral("%1"), QLatin1String(m_table.key))
                .replace(QStringLiteral("%2"), QLatin1String(m_table.name)),
            {gap.after, gap.before}, [&next](const Row &row) { next = row.integer(0); });
        return read && next && gap.narrow(*next, direction);
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
            rows.push_back(std::move(values));
        });
        taken.stuck |= !read;
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
};

}  // namespace

Result<> copyTable(Connection &from, Connection &to, const Table &table, const QStringList &columns)
{
    return TableCopy(from, to, table, columns).run();
}

}  // namespace celldeck::storage
