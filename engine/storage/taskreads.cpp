#include "storage/tasksql.h"

#include <QFileInfo>

#include "base/json.h"
#include "storage/outputforms.h"

namespace celldeck::storage::sql {

namespace {

// The order of the columns is the one that Records reads; `outputs` only where it is wanted.
const QString Columns = QStringLiteral(
    "SELECT t.id, t.state, n.path, c.position, c.cell_id, c.code, s.kernel, t.batch, s.flags,"
    " s.time_limit, t.waited, t.ran, t.execution_count, t.retries, t.replay_of, t.message_id,"
    " t.error, y.name, t.state_lost");
const QString Task = QStringLiteral(" FROM task t");
const QString Joined = QStringLiteral(
    " JOIN cell c ON c.id = t.cell JOIN notebook n ON n.id = c.notebook"
    " LEFT JOIN terms s ON s.id = c.terms LEFT JOIN key y ON y.task = t.id ");

/// The index that has a page of tasks in one state in their order; "" where it is no use.
QString indexFor(const QList<TaskState> &states)
{
    if (states.size() != 1 || states.first() == TaskState::Completed)
        return {};
    return isFinal(states.first()) ? QStringLiteral("not_completed") : QStringLiteral("unfinished");
}

/// A column in which a row mostly has the text of the row before: one string serves them all.
class Recurring
{
public:
    QString of(const Row &row, int column)
    {
        const QByteArrayView utf8 = row.utf8(column);
        if (utf8 != m_utf8) {
            m_utf8 = utf8.toByteArray();
            m_text = textFromUtf8(utf8);
        }
        return m_text;
    }

private:
    QByteArray m_utf8;
    QString m_text;
};

/// Reads the rows of one query.
struct Records
{
    Recurring notebook = {};
    Recurring kernel = {};

    TaskRecord of(const Row &row);
};

TaskRecord Records::of(const Row &row)
{
    TaskRecord task;
    task.id = TaskId(row.integer(0));
    task.state = static_cast<TaskState>(row.integer(1));
    task.notebookPath = notebook.of(row, 2);
    task.cellIndex = row.isNull(3) ? -1 : static_cast<int>(row.integer(3));
    task.cellId = row.text(4);
    task.code = row.text(5);
    task.kernelName = kernel.of(row, 6);
    if (!row.isNull(7))
        task.batch = TaskId(task.id.value() - row.integer(7));
    const std::int64_t flags = row.integer(8);
    task.stopOnError = (flags & StopOnError) != 0;
    task.writeBack = (flags & NoWriteBack) == 0;
    if (!row.isNull(9))
        task.limit = Milliseconds(row.integer(9));
    task.createdAt = timeOf(task.id);
    if (!row.isNull(10))
        task.startedAt = task.createdAt + Milliseconds(row.integer(10));
    if (!row.isNull(11))
        task.finishedAt = task.startedAt.value_or(task.createdAt) + Milliseconds(row.integer(11));
    if (!row.isNull(12))
        task.executionCount = row.integer(12);
    task.retries = static_cast<int>(row.integer(13));
    task.replayOf = TaskId(row.integer(14));
    task.messageId = row.text(15).toLatin1();
    task.error = row.text(16);
    task.key = row.text(17);
    task.stateLost = row.integer(18) != 0;
    return task;
}

}  // namespace

Result<QList<TaskRecord>> unfinished(Connection &connection)
{
    std::map<TaskId, std::int64_t> places;  // of those that somebody has moved
    const Result<> moved = connection.query(
        QStringLiteral("SELECT task, place FROM moved"), {},
        [&places](const Row &row) { places.emplace(TaskId(row.integer(0)), row.integer(1)); });
    if (!moved)
        return fail(moved.error());
    const auto count =
        connection.number(QStringLiteral("SELECT count(*) FROM task WHERE state < 2"));
    if (!count)
        return fail(count.error());
    QList<TaskRecord> tasks;
    tasks.reserve(*count);
    Records records;
    const Result<> read =
        connection.query(Columns + Task + QStringLiteral(" INDEXED BY unfinished") + Joined +
                             QStringLiteral("WHERE t.state < 2"),
                         {}, [&](const Row &row) { tasks.append(records.of(row)); });
    if (!read)
        return fail(read.error());
    // Not by SQLite, which would carry all of each row through its sorter: mostly they are in
    // order.
    const auto turn = [&places](const TaskRecord &task) {
        const auto found = places.find(task.id);
        return found == places.end() ? std::tuple(true, std::int64_t(0), task.id)
                                     : std::tuple(false, found->second, task.id);
    };
    if (!std::ranges::is_sorted(tasks, {}, turn))
        std::ranges::sort(tasks, {}, turn);
    return tasks;
}

Result<TaskDetail> load(Connection &connection, TaskId id)
{
    std::optional<TaskDetail> detail;
    const Result<> read = connection.query(
        Columns +
            QStringLiteral(", coalesce(o.value, t.outputs), coalesce(p.value, '[]'),"
                           " coalesce(w.displays, '{}')") +
            Task + Joined +
            QStringLiteral("LEFT JOIN output o ON o.id = t.outputs"
                           " LEFT JOIN payload p ON p.task = t.id"
                           " LEFT JOIN shown w ON w.task = t.id WHERE t.id = ?"),
        {qlonglong(id.value())}, [&detail](const Row &row) {
            detail.emplace();
            detail->task = Records().of(row);
            detail->outputs = outputsOf(row.value(19), detail->task.executionCount);
            detail->payload = row.bytes(20);
            detail->displays = row.bytes(21);
        });
    if (!read)
        return fail(read.error());
    if (!detail)
        return fail(ErrorCode::NotFound, QStringLiteral("there is no task %1").arg(toText(id)));
    return std::move(*detail);
}

Result<QList<TaskDetail>> loadShown(Connection &connection, const QString &notebookPath,
                                    UtcTime since)
{
    constexpr qsizetype MaxShown = 1'000;
    QList<TaskId> ids;
    const Result<> read = connection.query(
        QStringLiteral("SELECT w.task, t.waited FROM shown w JOIN task t ON t.id = w.task"
                       " JOIN cell c ON c.id = t.cell JOIN notebook n ON n.id = c.notebook"
                       " WHERE n.path = ? AND t.waited IS NOT NULL ORDER BY w.task"),
        {notebookPath}, [&](const Row &row) {
            const TaskId id(row.integer(0));
            if (timeOf(id) + Milliseconds(row.integer(1)) >= since)
                ids << id;
        });
    if (!read)
        return fail(read.error());
    ids = ids.last(std::min(ids.size(), MaxShown));
    QList<TaskDetail> shown;
    for (const TaskId id : std::as_const(ids)) {
        auto detail = load(connection, id);
        if (!detail)
            return fail(detail.error());
        shown << std::move(*detail);
    }
    return shown;
}

Result<TaskDetail> loadByName(Connection &connection, const QString &name)
{
    const auto keyed =
        connection.number(QStringLiteral("SELECT task FROM key WHERE name = ?"), {name});
    if (!keyed)
        return fail(keyed.error());
    if (*keyed != 0)
        return load(connection, TaskId(*keyed));
    const auto id = parseTaskId(name);
    if (!id)
        return fail(ErrorCode::NotFound, QStringLiteral("there is no task \"%1\"").arg(name));
    return load(connection, *id);
}

Result<QList<TaskRecord>> list(Connection &connection, const TaskFilter &filter)
{
    QString from = Task;
    QStringList wheres{QStringLiteral("1")};
    QVariantList values;
    if (!filter.states.isEmpty()) {
        QStringList states;
        for (const TaskState state : filter.states)
            states << QString::number(static_cast<int>(state));
        wheres << QStringLiteral("t.state IN (%1)").arg(states.join(QLatin1Char(',')));
        if (const QString index = indexFor(filter.states); !index.isEmpty()) {
            // SQLite takes a partial index only where its own condition is said too.
            from += QStringLiteral(" INDEXED BY ") + index;
            wheres << (isFinal(filter.states.first()) ? QStringLiteral("t.state > 2")
                                                      : QStringLiteral("t.state < 2"));
        }
    }
    if (!filter.notebookPath.isEmpty()) {
        wheres << QStringLiteral("n.path = ?");
        values << filter.notebookPath;
    }
    if (filter.since) {
        wheres << QStringLiteral("t.id >= ?");
        values << qlonglong(firstIdAt(*filter.since).value());
    }
    if (filter.before) {
        wheres << QStringLiteral("t.id < ?");
        values << qlonglong(filter.before.value());
    }
    values << filter.limit;
    QList<TaskRecord> tasks;
    Records records;
    const Result<> read = connection.queryOnce(
        Columns + from + Joined + QStringLiteral("WHERE ") + wheres.join(QStringLiteral(" AND ")) +
            QStringLiteral(" ORDER BY t.id DESC LIMIT ?"),
        values, [&](const Row &row) { tasks.append(records.of(row)); });
    if (!read)
        return fail(read.error());
    return tasks;
}

Result<TaskStats> stats(Connection &connection, const Census &census, const QString &file,
                        UtcTime now)
{
    TaskStats stats = census.stats();
    // `expires` is told by the lease clock, which falls behind the wall's by the offset.
    const auto leases = connection.number(
        QStringLiteral("SELECT count(*) FROM lease WHERE expires > ? - coalesce("
                       "(SELECT value FROM setting WHERE name = 'lease_offset'), 0)"),
        {qlonglong(now.time_since_epoch().count())});
    if (!leases)
        return fail(leases.error());
    stats.activeLeases = *leases;
    stats.walBytes = QFileInfo(file + QStringLiteral("-wal")).size();
    return stats;
}

}  // namespace celldeck::storage::sql
