#include "storage/auditsql.h"
#include "storage/tasksql.h"

// How tasks come in; what becomes of them is in taskwrites.cpp.
namespace celldeck::storage::sql {

namespace {

/// All that decides what runs and where its outputs go. A cell with an id is the same one wherever
/// it is in its notebook by now.
bool sameContent(const TaskDraft &draft, const auto &task)
{
    const bool sameCell = draft.cellId.isEmpty() || task.cellId.isEmpty()
                              ? draft.cellIndex == task.cellIndex
                              : draft.cellId == task.cellId;
    return sameCell && draft.notebookPath == task.notebookPath && draft.code == task.code &&
           draft.kernelName == task.kernelName && draft.limit == task.limit &&
           draft.writeBack == task.writeBack;
}

/// The tasks that drafts with known keys stand for; Conflict where the content differs.
Result<QHash<QString, TaskRecord>> knownTasks(Connection &connection,
                                              const QList<TaskDraft> &drafts)
{
    QHash<QString, TaskRecord> known;
    QHash<QString, const TaskDraft *> twins;
    for (const TaskDraft &draft : drafts) {
        if (draft.key.isEmpty())
            continue;
        const TaskDraft *&twin = twins[draft.key];
        if (twin && !sameContent(draft, *twin))
            return fail(ErrorCode::Conflict,
                        QStringLiteral("the task id \"%1\" is given twice, with different content: "
                                       "choose another, or none")
                            .arg(draft.key));
        twin = &draft;
        const auto id =
            connection.number(QStringLiteral("SELECT task FROM key WHERE name = ?"), {draft.key});
        if (!id)
            return fail(id.error());
        if (*id == 0)
            continue;
        const auto there = load(connection, TaskId(*id));
        if (!there)
            return fail(there.error());
        if (!sameContent(draft, there->task))
            return fail(ErrorCode::Conflict,
                        QStringLiteral("the task id \"%1\" is taken by a task with other content "
                                       "(%2, cell %3): choose another, or none")
                            .arg(draft.key, there->task.notebookPath)
                            .arg(there->task.cellIndex));
        known.insert(draft.key, there->task);
    }
    return known;
}

/// Of those drafts that are new tasks: the same key again is the same task.
NotebookPaths notebooksOf(const QList<TaskDraft> &drafts, const QHash<QString, TaskRecord> &known)
{
    NotebookPaths notebooks;
    QSet<QString> keys;
    for (const TaskDraft &draft : drafts) {
        if (!draft.key.isEmpty()) {
            if (known.contains(draft.key) || keys.contains(draft.key))
                continue;
            keys.insert(draft.key);
        }
        notebooks.append(draft.notebookPath);
    }
    return notebooks;
}

/// Those of `tasks` that are new, all of one batch.
AuditNote submissionOf(const QList<TaskRecord> &tasks, TaskId batch, UtcTime now, const Actor &by)
{
    AuditNote note{.by = by, .at = now, .task = batch, .count = 0};
    QSet<TaskId> seen;
    for (const TaskRecord &task : tasks) {
        if (task.batch != batch || seen.contains(task.id))
            continue;
        seen.insert(task.id);
        ++note.count;
        note.action = task.replayOf ? Action::Replay : Action::Submit;
        note.notebookPath = task.notebookPath;
    }
    return note;
}

}  // namespace

Result<> checkDraft(const TaskDraft &draft)
{
    if (draft.notebookPath.isEmpty())
        return fail(ErrorCode::InvalidArgument, QStringLiteral("a task needs a notebook"));
    // A key that reads like an id could hide another task.
    if (!draft.key.isEmpty() && parseTaskId(draft.key))
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("the task id \"%1\" has the form of Celldeck's own ids: choose "
                                   "another, such as run-%1")
                        .arg(draft.key));
    return {};
}

Result<TaskRecord> insertOne(Connection &connection, Census &census, const TaskDraft &draft,
                             const NewTask &place)
{
    const auto &[id, batch, notebook, actor] = place;
    const auto cell = census.contents().cell(connection, notebook, draft);
    if (!cell)
        return fail(cell.error());
    const auto added = connection.run(
        QStringLiteral("INSERT INTO task(id, state, cell, batch, retries, replay_of,"
                       " actor) VALUES(?, 0, ?, ?, ?, ?, ?)"),
        {qlonglong(id.value()), qlonglong(*cell),
         batch ? QVariant(qlonglong(id.value() - batch.value())) : QVariant(),
         draft.retries > 0 ? QVariant(draft.retries) : QVariant(),
         draft.replayOf ? QVariant(qlonglong(draft.replayOf.value())) : QVariant(), actor});
    if (!added)
        return fail(added.error());
    if (!draft.key.isEmpty()) {
        const auto keyed =
            connection.run(QStringLiteral("INSERT INTO key(name, task) VALUES(?, ?)"),
                           {draft.key, qlonglong(id.value())});
        if (!keyed)
            return fail(keyed.error());
    }
    TaskRecord task;
    task.id = id;
    task.key = draft.key;
    task.notebookPath = draft.notebookPath;
    task.cellIndex = draft.cellIndex < 0 ? -1 : draft.cellIndex;
    task.cellId = draft.cellId;
    task.code = draft.code;
    task.kernelName = draft.kernelName;
    task.batch = batch;
    task.createdAt = timeOf(id);
    task.limit = draft.limit;
    task.stopOnError = draft.stopOnError;
    task.writeBack = draft.writeBack;
    task.replayOf = draft.replayOf;
    task.retries = draft.retries;
    return task;
}

Result<QList<TaskRecord>> insert(Connection &connection, Census &census,
                                 const QList<TaskDraft> &drafts, UtcTime now, const Actor &by)
{
    for (const TaskDraft &draft : drafts) {
        if (const Result<> good = checkDraft(draft); !good)
            return fail(good.error());
    }
    auto known = knownTasks(connection, drafts);
    if (!known)
        return fail(known.error());
    if (const Result<> room = census.roomFor(connection, notebooksOf(drafts, *known)); !room)
        return fail(room.error());

    const auto actor = census.actorId(connection, by);
    if (!actor)
        return fail(actor.error());
    const bool together = drafts.size() > 1;
    QList<TaskRecord> tasks;
    tasks.reserve(drafts.size());
    TaskId batch;
    for (const TaskDraft &draft : drafts) {
        if (const auto there = known->constFind(draft.key); there != known->constEnd()) {
            tasks.append(*there);
            continue;
        }
        const auto notebook = census.notebookId(connection, draft.notebookPath);
        if (!notebook)
            return fail(notebook.error());
        const TaskId id = census.nextId(now);
        if (!batch && together)
            batch = id;
        auto task = insertOne(connection, census, draft,
                              {.id = id,
                               .batch = batch,
                               .notebook = *notebook,
                               .actor = together ? QVariant() : QVariant(qlonglong(*actor))});
        if (!task)
            return fail(task.error());
        census.count(*notebook, std::nullopt, TaskState::Pending);
        // The same key again stands for the same task.
        if (!draft.key.isEmpty())
            known->insert(draft.key, *task);
        tasks.append(std::move(*task));
    }
    if (batch) {
        if (const Result<> noted = record(connection, submissionOf(tasks, batch, now, by)); !noted)
            return fail(noted.error());
    }
    return tasks;
}

}  // namespace celldeck::storage::sql
