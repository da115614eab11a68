#include "storage/auditsql.h"

#include <map>

#include "storage/notebookrow.h"

namespace celldeck::storage::sql {

namespace {

constexpr qsizetype ClientLength = 200;

QVariant orNull(const QString &text)
{
    return text.isEmpty() ? QVariant() : QVariant(text);
}

struct Names
{
    std::int64_t actor = 0;
    QVariant notebook;
};

Result<Names> namesOf(Connection &connection, const AuditNote &note)
{
    Names names;
    const auto actor = actorRow(connection, note.by);
    if (!actor)
        return fail(actor.error());
    names.actor = *actor;
    if (!note.notebookPath.isEmpty()) {
        const auto notebook = notebookRow(connection, note.notebookPath);
        if (!notebook)
            return fail(notebook.error());
        names.notebook = qlonglong(*notebook);
    }
    return names;
}

/// A submission that goes with its tasks.
struct Authorship
{
    TaskId first;
    std::int64_t count = 0;
};

Result<> recordAuthorship(Connection &connection, std::int64_t actor, std::int64_t notebook,
                          Action action, const Authorship &what)
{
    // Its place is that of the submission; the one behind it if an action has that already.
    std::int64_t id = what.first.value();
    for (;; ++id) {
        const auto taken =
            connection.number(QStringLiteral("SELECT 1 FROM audit WHERE id = ?"), {qlonglong(id)});
        if (!taken)
            return fail(taken.error());
        if (*taken == 0)
            break;
    }
    const auto added = connection.run(
        QStringLiteral("INSERT INTO audit(id, actor, action, notebook, object, count)"
                       " VALUES(?, ?, ?, ?, ?, ?)"),
        {qlonglong(id), qlonglong(actor), static_cast<int>(action), qlonglong(notebook),
         qlonglong(what.first.value()),
         what.count == 1 ? QVariant() : QVariant(qlonglong(what.count))});
    if (!added)
        return fail(added.error());
    return {};
}

/// The conditions of a filter on one of the two kinds of entries, and their values.
struct Where
{
    QStringList conditions;
    QVariantList values;
};

Where whereOf(const AuditFilter &filter, const QString &id, const QString &action, bool isTask)
{
    Where where;
    const auto add = [&where](const QString &condition, const QVariant &value) {
        where.conditions << condition;
        where.values << value;
    };
    if (filter.since)
        add(id + QStringLiteral(" >= ?"), qlonglong(firstIdAt(*filter.since).value()));
    if (filter.before != 0) {
        // A task's place is 2 × id, an action's 2 × id + 1: see `listAudit`.
        const std::int64_t last = (filter.before - (isTask ? 1 : 2)) / 2;
        add(id + QStringLiteral(" <= ?"), qlonglong(last));
    }
    if (filter.role)
        add(QStringLiteral("a.role = ?"), static_cast<int>(*filter.role));
    if (!filter.client.isEmpty())
        add(QStringLiteral("a.name = ?"), filter.client);
    if (filter.action)
        add(action + QStringLiteral(" = ?"), static_cast<int>(*filter.action));
    if (!filter.notebookPath.isEmpty())
        add(QStringLiteral("n.path = ?"), filter.notebookPath);
    where.values << filter.limit;
    return where;
}

QString clauseOf(const Where &where)
{
    return where.conditions.isEmpty()
               ? QString()
               : QStringLiteral(" AND ") + where.conditions.join(QStringLiteral(" AND "));
}

// Both give: place, id, role, client, action, notebook, task, text, its key, count, detail.
const QString OfTasks = QStringLiteral(
    "SELECT * FROM (SELECT t.id * 2, t.id, a.role, a.name, t.replay_of IS NOT NULL, n.path, t.id,"
    " NULL, y.name, NULL, NULL FROM task t JOIN actor a ON a.id = t.actor"
    " JOIN cell c ON c.id = t.cell JOIN notebook n ON n.id = c.notebook"
    " LEFT JOIN key y ON y.task = t.id"
    " WHERE t.actor IS NOT NULL%1 ORDER BY t.id DESC LIMIT ?)");
const QString OfActions = QStringLiteral(
    "SELECT * FROM (SELECT l.id * 2 + 1 AS place, l.id, a.role, a.name, l.action, n.path,"
    " CASE typeof(l.object) WHEN 'integer' THEN l.object END,"
    " CASE typeof(l.object) WHEN 'text' THEN l.object END, y.name, l.count, l.detail"
    " FROM audit l JOIN actor a ON a.id = l.actor LEFT JOIN notebook n ON n.id = l.notebook"
    " LEFT JOIN key y ON typeof(l.object) = 'integer' AND y.task = l.object"
    " WHERE 1%1 ORDER BY l.id DESC LIMIT ?)");

AuditEntry entryOf(const Row &row)
{
    AuditEntry entry;
    entry.place = row.integer(0);
    entry.at = timeOf(TaskId(row.integer(1)));
    entry.by = {.role = static_cast<Role>(row.integer(2)), .client = row.text(3)};
    entry.action = static_cast<Action>(row.integer(4));
    entry.notebookPath = row.text(5);
    if (!row.isNull(8))
        entry.object = row.text(8);
    else
        entry.object = row.isNull(6) ? row.text(7) : toText(TaskId(row.integer(6)));
    entry.count = row.isNull(9) ? 1 : row.integer(9);
    entry.detail = row.text(10);
    return entry;
}

}  // namespace

Result<std::int64_t> actorRow(Connection &connection, const Actor &actor)
{
    const int role = static_cast<int>(actor.role);
    const QString name =
        actor.client.isNull() ? QStringLiteral("") : actor.client.left(ClientLength);
    const auto added = connection.run(
        QStringLiteral("INSERT INTO actor(role, name) VALUES(?, ?) ON CONFLICT DO NOTHING"),
        {role, name});
    if (!added)
        return fail(added.error());
    return connection.number(QStringLiteral("SELECT id FROM actor WHERE role = ? AND name = ?"),
                             {role, name});
}

Result<> record(Connection &connection, const AuditNote &note)
{
    const auto names = namesOf(connection, note);
    if (!names)
        return fail(names.error());
    const QVariant object =
        note.task ? QVariant(qlonglong(note.task.value())) : orNull(note.object);
    // Ids are times, as those of tasks; never below the last one, even if the clock was set back.
    const auto added = connection.run(
        QStringLiteral("INSERT INTO audit(id, actor, action, notebook, object, count, detail)"
                       " VALUES(max(?, coalesce((SELECT max(id) + 1 FROM audit), 0)),"
                       " ?, ?, ?, ?, ?, ?)"),
        {qlonglong(firstIdAt(note.at).value()), qlonglong(names->actor),
         static_cast<int>(note.action), names->notebook, object,
         note.count == 1 ? QVariant() : QVariant(qlonglong(note.count)), orNull(note.detail)});
    if (!added)
        return fail(added.error());
    return {};
}

Result<> recordMore(Connection &connection, const AuditNote &note)
{
    const auto names = namesOf(connection, note);
    if (!names)
        return fail(names.error());
    const auto added = connection.run(
        QStringLiteral("UPDATE audit SET count = coalesce(count, 1) + ? WHERE id = (SELECT max(id)"
                       " FROM audit WHERE id >= ? AND action = ? AND actor = ?)"),
        {qlonglong(note.count), qlonglong(firstIdAt(note.at).value()),
         static_cast<int>(note.action), qlonglong(names->actor)});
    if (!added)
        return fail(added.error());
    return *added > 0 ? Result<>() : record(connection, note);
}

Result<> keepAuthors(Connection &connection, const QList<TaskId> &tasks)
{
    using Key = std::tuple<std::int64_t, std::int64_t, Action>;
    std::map<Key, Authorship> authors;
    for (const TaskId task : tasks) {
        const Result<> read = connection.query(
            QStringLiteral("SELECT t.actor, c.notebook, t.replay_of FROM task t"
                           " JOIN cell c ON c.id = t.cell"
                           " WHERE t.id = ? AND t.state > 1 AND t.actor IS NOT NULL"),
            {qlonglong(task.value())}, [&authors, task](const Row &row) {
                const Action action = row.isNull(2) ? Action::Submit : Action::Replay;
                Authorship &one = authors[{row.integer(0), row.integer(1), action}];
                one.first = one.count == 0 ? task : std::min(one.first, task);
                ++one.count;
            });
        if (!read)
            return read;
    }
    for (const auto &[key, what] : authors) {
        const auto &[actor, notebook, action] = key;
        if (const Result<> kept = recordAuthorship(connection, actor, notebook, action, what);
            !kept)
            return kept;
    }
    return {};
}

Result<QList<AuditEntry>> listAudit(Connection &connection, const AuditFilter &filter)
{
    // Entries are ordered by their ids. A task and an action may have the same: so that a page ends
    // between them as well, a place is twice the id, and one more for an action.
    const Where tasks =
        whereOf(filter, QStringLiteral("t.id"), QStringLiteral("(t.replay_of IS NOT NULL)"), true);
    const Where actions =
        whereOf(filter, QStringLiteral("l.id"), QStringLiteral("l.action"), false);
    QList<AuditEntry> entries;
    const Result<> read = connection.queryOnce(
        OfActions.arg(clauseOf(actions)) + QStringLiteral(" UNION ALL ") +
            OfTasks.arg(clauseOf(tasks)) + QStringLiteral(" ORDER BY 1 DESC LIMIT ?"),
        actions.values + tasks.values + QVariantList{filter.limit},
        [&entries](const Row &row) { entries << entryOf(row); });
    if (!read)
        return fail(read.error());
    return entries;
}

Result<int> removeOldAudit(Connection &connection, const AuditRetention &retention, UtcTime now,
                           int limit)
{
    return connection.run(
        QStringLiteral("DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < max(?,"
                       " coalesce((SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET ?), 0))"
                       " ORDER BY id LIMIT ?)"),
        {qlonglong(firstIdAt(now - retention.age).value()), qlonglong(retention.rows - 1), limit});
}

}  // namespace celldeck::storage::sql
