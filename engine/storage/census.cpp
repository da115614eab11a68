#include "storage/census.h"

#include "storage/auditsql.h"
#include "storage/notebookrow.h"

namespace celldeck::storage {

namespace {

// In the table `setting`.
const QString LastId = QStringLiteral("last_task");

}  // namespace

Result<> Census::reread(Connection &connection)
{
    m_stats = {};
    m_pending.clear();
    m_notebooks.clear();
    m_contents.reread();
    m_actors.clear();
    // Not grouped by SQLite, which would sort all the rows for it.
    const Result<> unfinished = connection.query(
        QStringLiteral("SELECT t.state, c.notebook FROM task t INDEXED BY unfinished"
                       " LEFT JOIN cell c ON c.id = t.cell WHERE t.state < 2"),
        {}, [this](const Row &row) {
            const auto state = static_cast<TaskState>(row.integer(0));
            ++counter(state);
            if (state == TaskState::Pending && !row.isNull(1))
                ++m_pending[row.integer(1)];
        });
    if (!unfinished)
        return unfinished;
    const auto all = connection.number(QStringLiteral("SELECT count(*) FROM task"));
    if (!all)
        return fail(all.error());
    m_stats.completed = *all - m_stats.pending - m_stats.running;
    const Result<> notCompleted =
        connection.query(QStringLiteral("SELECT state, count(*) FROM task INDEXED BY not_completed"
                                        " WHERE state > 2 GROUP BY state"),
                         {}, [this](const Row &row) {
                             counter(static_cast<TaskState>(row.integer(0))) = row.integer(1);
                             m_stats.completed -= row.integer(1);
                         });
    if (!notCompleted)
        return notCompleted;
    const auto last = connection.number(
        QStringLiteral("SELECT max(coalesce((SELECT max(id) FROM task), 0),"
                       " coalesce((SELECT value FROM setting WHERE name = ?), 0))"),
        {LastId});
    if (!last)
        return fail(last.error());
    m_last = TaskId(*last);
    return {};
}

Result<> Census::keepLastId(Connection &connection) const
{
    const auto kept =
        connection.run(QStringLiteral("INSERT INTO setting(name, value) VALUES(?, ?)"
                                      " ON CONFLICT(name) DO UPDATE SET value = excluded.value"),
                       {LastId, qlonglong(m_last.value())});
    if (!kept)
        return fail(kept.error());
    return {};
}

Result<> Census::roomFor(Connection &connection, NotebookPaths notebooks) const
{
    const auto refuse = [](const QString &where, std::int64_t pending, std::int64_t limit) {
        return fail(ErrorCode::QueueFull,
                    QStringLiteral("the queue is full: %1 tasks are pending %2, and with yours "
                                   "they would be more than %3. Wait for some to end, or cancel "
                                   "them")
                        .arg(pending)
                        .arg(where)
                        .arg(limit));
    };
    std::ranges::sort(notebooks);
    for (auto first = notebooks.cbegin(); first != notebooks.cend();) {
        const QString &path = *first;
        const auto next = std::find_if(first, notebooks.cend(),
                                       [&path](const QString &other) { return other != path; });
        const std::int64_t count = next - first;
        first = next;
        // Looked up, and not made: a refused submission leaves no row behind.
        std::int64_t notebook = m_notebooks.value(path);
        if (notebook == 0) {
            const auto id =
                connection.number(QStringLiteral("SELECT id FROM notebook WHERE path = ?"), {path});
            if (!id)
                return fail(id.error());
            notebook = *id;
        }
        const std::int64_t pending = m_pending.value(notebook);
        if (pending > 0 && pending + count > m_limits.pendingInNotebook)
            return refuse(QStringLiteral("in ") + path, pending, m_limits.pendingInNotebook);
    }
    if (!notebooks.isEmpty() && m_stats.pending + notebooks.size() > m_limits.pendingInAll)
        return refuse(QStringLiteral("in all"), m_stats.pending, m_limits.pendingInAll);
    return {};
}

TaskId Census::nextId(UtcTime now)
{
    // Never below the last one, even if the wall clock was set back.
    m_last = std::max(TaskId(m_last.value() + 1), firstIdAt(now));
    return m_last;
}

void Census::count(std::int64_t notebook, std::optional<TaskState> from, TaskState to)
{
    if (from) {
        --counter(*from);
        if (*from == TaskState::Pending)
            --m_pending[notebook];
    }
    ++counter(to);
    if (to == TaskState::Pending)
        ++m_pending[notebook];
}

void Census::countImported(TaskId id, std::int64_t notebook)
{
    m_last = std::max(m_last, id);
    count(notebook, std::nullopt, TaskState::Pending);
}

TaskStats Census::stats() const
{
    return m_stats;
}

Result<std::int64_t> Census::notebookId(Connection &connection, const QString &path)
{
    if (const std::int64_t known = m_notebooks.value(path))
        return known;
    const auto id = notebookRow(connection, path);
    if (id)
        m_notebooks.insert(path, *id);
    return id;
}

Result<std::int64_t> Census::actorId(Connection &connection, const Actor &actor)
{
    if (const std::int64_t known = m_actors.value(actor))
        return known;
    const auto id = sql::actorRow(connection, actor);
    if (id)
        m_actors.insert(actor, *id);
    return id;
}

std::int64_t &Census::counter(TaskState state)
{
    switch (state) {
    case TaskState::Pending:
        return m_stats.pending;
    case TaskState::Running:
        return m_stats.running;
    case TaskState::Completed:
        return m_stats.completed;
    case TaskState::Failed:
        return m_stats.failed;
    case TaskState::Cancelled:
        return m_stats.cancelled;
    case TaskState::TimedOut:
        return m_stats.timedOut;
    case TaskState::Interrupted:
        break;
    }
    return m_stats.interrupted;
}

}  // namespace celldeck::storage
