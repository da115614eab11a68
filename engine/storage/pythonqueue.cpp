#include "storage/pythonqueue.h"

#include <QDateTime>
#include <QFile>
#include <QTemporaryDir>
#include <algorithm>
#include <limits>

namespace celldeck::storage {

namespace {

// Of one batch, and so of one transaction.
constexpr int RowsAtOnce = 250;
constexpr std::int64_t CharactersAtOnce = 2'000'000;

// The order of the columns is the one that `readRow` reads.
const char *const Columns[] = {"task_id",       "notebook_path",   "cell_index",   "code",
                               "status",        "created_at",      "started_at",   "completed_at",
                               "error_message", "execution_count", "outputs_json", "retries"};
enum Column {
    Id,
    Path,
    Index,
    Code,
    Status,
    Created,
    Started,
    Completed,
    Error,
    Count,
    Outputs,
    Retries
};

const QString IsPending = QStringLiteral("lower(trim(coalesce(%1, 'pending'))) = 'pending'");

/// As Python's isoformat writes it, as SQLite does, or as seconds since 1970.
std::optional<UtcTime> timeOf(const QVariant &value)
{
    bool isNumber = false;
    const double seconds = value.toDouble(&isNumber);
    if (isNumber && !value.isNull())
        return UtcTime(Milliseconds(static_cast<qint64>(seconds * 1000)));
    QString text = value.toString().trimmed();
    if (text.size() > 10 && text[10] == QLatin1Char(' '))
        text[10] = QLatin1Char('T');
    QDateTime time = QDateTime::fromString(text, Qt::ISODateWithMs);
    if (!time.isValid())
        return std::nullopt;
    if (time.timeSpec() == Qt::LocalTime)
        time.setTimeSpec(Qt::UTC);
    return UtcTime(Milliseconds(time.toMSecsSinceEpoch()));
}

/// An array of nbformat outputs; what else was there, as text that a cell has printed.
QByteArray outputsOf(const QString &text)
{
    if (text.trimmed().isEmpty())
        return QByteArrayLiteral("[]");
    const QByteArray bytes = text.toUtf8();
    const auto parsed = parseJson(bytes);
    if (parsed && parsed->is_array())
        return bytes;
    if (parsed && parsed->is_null())
        return QByteArrayLiteral("[]");
    return toBytes(Json::array(
        {Json{{"output_type", "stream"}, {"name", "stdout"}, {"text", QString::fromUtf8(bytes)}}}));
}

std::optional<std::int64_t> numberOf(const QVariant &value)
{
    bool isNumber = false;
    const std::int64_t number = value.toLongLong(&isNumber);
    return isNumber && !value.isNull() ? std::optional(number) : std::nullopt;
}

Result<TaskOutcome> outcomeOf(const QVariantList &row, const QString &status, UtcTime last)
{
    TaskOutcome outcome;
    outcome.error = row[Error].toString();
    if (status == QLatin1String("completed")) {
        outcome.state = TaskState::Completed;
    } else if (status == QLatin1String("failed")) {
        outcome.state = TaskState::Failed;
        if (outcome.error.isEmpty())
            outcome.error = QStringLiteral("it failed, and the Python server has not kept why");
    } else if (status == QLatin1String("running")) {
        // Whether it did its work nobody knows.
        outcome.state = TaskState::Interrupted;
        outcome.error = QStringLiteral("it ran when the Python server ended");
    } else {
        return fail(ErrorCode::InvalidArgument, QStringLiteral("its status is \"%1\"").arg(status));
    }
    outcome.executionCount = numberOf(row[Count]);
    outcome.outputs = outputsOf(row[Outputs].toString());
    outcome.finishedAt = timeOf(row[Completed]).value_or(last);
    return outcome;
}

/// Fails with InvalidArgument, and why the row cannot be taken.
Result<ImportedTask> taskOf(const QVariantList &row, const PythonQueue::PathOf &pathOf)
{
    const auto refuse = [](const QString &why) { return fail(ErrorCode::InvalidArgument, why); };
    ImportedTask task;
    task.draft.key = row[Id].toString();
    if (task.draft.key.isEmpty())
        return refuse(QStringLiteral("it has no task_id"));
    if (row[Path].toString().isEmpty())
        return refuse(QStringLiteral("it has no notebook_path"));
    task.draft.notebookPath = pathOf(row[Path].toString());
    const std::int64_t index = numberOf(row[Index]).value_or(-1);
    task.draft.cellIndex =
        static_cast<int>(std::clamp<std::int64_t>(index, -1, std::numeric_limits<int>::max()));
    task.draft.code = row[Code].toString();
    task.draft.retries = static_cast<int>(
        std::clamp<std::int64_t>(numberOf(row[Retries]).value_or(0), 0, 1'000'000));
    auto created = timeOf(row[Created]);
    task.startedAt = timeOf(row[Started]);
    if (!created)
        created = task.startedAt ? task.startedAt : timeOf(row[Completed]);
    if (!created)
        return refuse(QStringLiteral("its created_at is \"%1\"").arg(row[Created].toString()));
    task.createdAt = *created;
    const QString given = row[Status].toString().trimmed().toLower();
    if (given.isEmpty() || given == QLatin1String("pending")) {
        task.startedAt.reset();
        return task;
    }
    auto outcome = outcomeOf(row, given, task.startedAt.value_or(*created));
    if (!outcome)
        return fail(outcome.error());
    task.outcome = std::move(*outcome);
    return task;
}

std::unexpected<celldeck::Error> unfit(const QString &file, const QString &why)
{
    return fail(ErrorCode::StorageUnavailable, QStringLiteral("%1 %2").arg(file, why));
}

}  // namespace

PythonQueue::PythonQueue(PathOf pathOf) : m_pathOf(std::move(pathOf)) {}
PythonQueue::~PythonQueue() = default;
PythonQueue::PythonQueue(PythonQueue &&) noexcept = default;

Result<PythonQueue> PythonQueue::open(const QString &file, PathOf pathOf)
{
    if (!QFile::exists(file))
        return unfit(file, QStringLiteral("is not there: name the state.db of the Python server"));
    PythonQueue queue(std::move(pathOf));
    Result<> opened = queue.openAt(file);
    if (!opened && opened.error().code == ErrorCode::StorageUnavailable) {
        // Its log can be read only where a file can be made beside it: in a folder of ours.
        queue.m_connection.reset();
        queue.m_copy = std::make_unique<QTemporaryDir>();
        const QString copy = queue.m_copy->filePath(QStringLiteral("state.db"));
        if (!QFile::copy(file, copy))
            return unfit(file, QStringLiteral("cannot be read: check its rights"));
        const QString log = QStringLiteral("-wal");
        if (QFile::exists(file + log) && !QFile::copy(file + log, copy + log))
            return unfit(file + log, QStringLiteral("cannot be read: check its rights"));
        opened = queue.openAt(copy);
    }
    if (!opened)
        return unfit(file, QStringLiteral("cannot be read: ") + opened.error().message);
    if (const Result<> known = queue.look(file); !known)
        return fail(known.error());
    if (const Result<> found = queue.findPending(); !found)
        return unfit(file, QStringLiteral("cannot be read: ") + found.error().message);
    return queue;
}

Result<> PythonQueue::openAt(const QString &file)
{
    auto connection = Connection::open(file, Connection::Mode::Read);
    if (!connection)
        return fail(connection.error());
    m_connection = std::move(*connection);
    // The file itself is looked at only now.
    const auto tables = m_connection->number(QStringLiteral("SELECT count(*) FROM sqlite_schema"));
    if (!tables)
        return fail(tables.error());
    return {};
}

Result<> PythonQueue::look(const QString &file)
{
    QString type;
    const Result<> read = m_connection->query(
        QStringLiteral("SELECT type FROM sqlite_schema WHERE name = 'execution_queue'"), {},
        [&type](const Row &row) { type = row.text(0); });
    if (!read)
        return read;
    if (type == QLatin1String("view"))
        return unfit(file, QStringLiteral("is a database of Celldeck's own: celldeck restore puts "
                                          "it in the place of this one"));
    if (type != QLatin1String("table"))
        return unfit(file, QStringLiteral("is not the Python server's database: it has no table "
                                          "execution_queue"));
    QStringList there;
    const Result<> listed =
        m_connection->query(QStringLiteral("PRAGMA table_info(execution_queue)"), {},
                            [&there](const Row &row) { there << row.text(1).toLower(); });
    if (!listed)
        return listed;
    for (const char *const column : Columns) {
        const QString name = QString::fromLatin1(column);
        m_columns << (there.contains(name) ? name : QStringLiteral("NULL"));
    }
    if (!there.contains(QLatin1String("task_id")) ||
        !there.contains(QLatin1String("notebook_path")))
        return unfit(file, QStringLiteral("is not the Python server's database: its table "
                                          "execution_queue has no task_id or no notebook_path"));
    const auto hasLeases = m_connection->number(
        QStringLiteral("SELECT count(*) FROM sqlite_schema WHERE name = 'asset_leases'"));
    if (!hasLeases)
        return fail(hasLeases.error());
    if (*hasLeases == 0)
        return {};
    const auto leases = m_connection->number(QStringLiteral("SELECT count(*) FROM asset_leases"));
    if (!leases)
        return fail(leases.error());
    m_leases = *leases;
    return {};
}

Result<> PythonQueue::findPending()
{
    std::vector<std::pair<UtcTime, std::int64_t>> found;
    // Not by an index of the file's, which a damage could have hit.
    const Result<> read = m_connection->queryOnce(
        QStringLiteral("SELECT rowid, %1 FROM execution_queue NOT INDEXED WHERE ")
                .arg(m_columns[Created]) +
            IsPending.arg(m_columns[Status]) + QStringLiteral(" ORDER BY rowid"),
        {}, [&found](const Row &row) {
            found.emplace_back(timeOf(row.value(1)).value_or(UtcTime{}), row.integer(0));
        });
    if (!read)
        return read;
    std::ranges::sort(found);
    for (const auto &[time, row] : found)
        m_pending.push_back(row);
    m_lastRow = std::numeric_limits<std::int64_t>::min();
    return {};
}

Result<QList<std::int64_t>> PythonQueue::endedRows()
{
    QList<std::int64_t> rows;
    std::int64_t characters = 0;
    int seen = 0;
    const Result<> read = m_connection->queryOnce(
        QStringLiteral("SELECT rowid, coalesce(length(%1), 0) + coalesce(length(%2), 0)"
                       " FROM execution_queue NOT INDEXED WHERE rowid > ? AND NOT ")
                .arg(m_columns[Code], m_columns[Outputs]) +
            IsPending.arg(m_columns[Status]) + QStringLiteral(" ORDER BY rowid LIMIT ?"),
        {qlonglong(m_lastRow), RowsAtOnce}, [&](const Row &row) {
            ++seen;
            characters += row.integer(1);
            if (rows.isEmpty() || characters <= CharactersAtOnce)
                rows << row.integer(0);
        });
    if (!read)
        return fail(read.error());
    m_endedDone = seen < RowsAtOnce && rows.size() == seen;
    if (!rows.isEmpty())
        m_lastRow = rows.last();
    return rows;
}

QList<std::int64_t> PythonQueue::pendingRows()
{
    QList<std::int64_t> rows;
    while (!m_pending.empty() && rows.size() < RowsAtOnce) {
        rows << m_pending.front();
        m_pending.pop_front();
    }
    return rows;
}

Result<> PythonQueue::readRow(std::int64_t rowid, Batch &batch)
{
    QVariantList values;
    const Result<> read =
        m_connection->query(QStringLiteral("SELECT %1 FROM execution_queue WHERE rowid = ?")
                                .arg(m_columns.join(QLatin1Char(','))),
                            {qlonglong(rowid)}, [&values](const Row &row) {
                                for (int i = 0; i < int(std::size(Columns)); ++i)
                                    values << row.value(i);
                            });
    if (!read || values.isEmpty())
        return read;
    auto task = taskOf(values, m_pathOf);
    if (task)
        batch.tasks.append(std::move(*task));
    else
        batch.skipped.append({.key = values[Id].toString(), .why = task.error().message});
    return {};
}

Result<PythonQueue::Batch> PythonQueue::next()
{
    Batch batch;
    QList<std::int64_t> rows;
    if (!m_endedDone) {
        const auto ended = endedRows();
        if (!ended)
            return fail(ended.error());
        rows = *ended;
    } else {
        rows = pendingRows();
    }
    for (const std::int64_t row : std::as_const(rows)) {
        if (const Result<> read = readRow(row, batch); !read)
            return fail(read.error());
    }
    batch.isLast = m_endedDone && m_pending.empty();
    return batch;
}

}  // namespace celldeck::storage
