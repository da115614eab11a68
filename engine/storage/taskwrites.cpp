#include "storage/auditsql.h"
#include "storage/tasksql.h"

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

Result<> recordIf(Connection &connection, const std::optional<AuditNote> &note)
{
    return note ? record(connection, *note) : Result<>();
}

struct Place
{
    TaskState state;
    std::int64_t notebook;
    std::int64_t waited;
};

Result<std::optional<Place>> find(Connection &connection, TaskId id)
{
    std::optional<Place> place;
    const Result<> read = connection.query(
        QStringLiteral("SELECT t.state, c.notebook, coalesce(t.waited, 0) FROM task t"
                       " JOIN cell c ON c.id = t.cell WHERE t.id = ?"),
        {qlonglong(id.value())}, [&](const Row &row) {
            place = Place{static_cast<TaskState>(row.integer(0)), row.integer(1), row.integer(2)};
        });
    if (!read)
        return fail(read.error());
    return place;
}

std::unexpected<Error> stale(TaskId id, const QString &wanted)
{
    return fail(
        ErrorCode::Stale,
        QStringLiteral("task %1 cannot become %2: its state has moved on").arg(toText(id), wanted));
}

/// From `place` to the final state; whoever calls has checked that it is not final.
Result<> finishAt(Connection &connection, Census &census, TaskId id, const Place &place,
                  const TaskOutcome &outcome)
{
    const auto outputs =
        census.contents().outputs(connection, outcome.outputs, outcome.executionCount);
    if (!outputs)
        return fail(outputs.error());
    const std::int64_t ran =
        std::max<std::int64_t>(0, (outcome.finishedAt - timeOf(id)).count() - place.waited);
    const auto changed = connection.run(
        QStringLiteral("UPDATE task SET state = ?, ran = ?, execution_count = ?, error = ?,"
                       " outputs = ?, message_id = NULL WHERE id = ? AND state = ?"),
        {static_cast<int>(outcome.state), qlonglong(ran),
         outcome.executionCount ? QVariant(qlonglong(*outcome.executionCount)) : QVariant(),
         outcome.error.isEmpty() ? QVariant() : QVariant(outcome.error), *outputs,
         qlonglong(id.value()), static_cast<int>(place.state)});
    if (!changed)
        return fail(changed.error());
    census.count(place.notebook, place.state, outcome.state);
    return {};
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
    QHash<QString, std::int64_t> fresh;
    QSet<QString> keys;
    for (const TaskDraft &draft : drafts) {
        if (known->contains(draft.key) || (!draft.key.isEmpty() && keys.contains(draft.key)))
            continue;
        keys.insert(draft.key);
        ++fresh[draft.notebookPath];
    }
    if (const Result<> room = census.roomFor(connection, fresh); !room)
        return fail(room.error());

    const auto actor = census.actorId(connection, by);
    if (!actor)
        return fail(actor.error());
    const bool together = drafts.size() > 1;
    QList<TaskRecord> tasks;
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

Result<> announce(Connection &connection, TaskId id, const QByteArray &messageId)
{
    const auto changed =
        connection.run(QStringLiteral("UPDATE task SET message_id = ? WHERE id = ? AND state = 0"),
                       {messageId.isEmpty() ? QVariant() : QVariant(QString::fromLatin1(messageId)),
                        qlonglong(id.value())});
    if (!changed)
        return fail(changed.error());
    if (*changed == 0)
        return stale(id, QStringLiteral("the next"));
    return {};
}

Result<> markRunning(Connection &connection, Census &census, TaskId id, const QByteArray &messageId,
                     UtcTime now)
{
    const auto place = find(connection, id);
    if (!place)
        return fail(place.error());
    if (!*place || (*place)->state != TaskState::Pending)
        return stale(id, QStringLiteral("running"));
    const std::int64_t waited = std::max<std::int64_t>(0, (now - timeOf(id)).count());
    const auto changed =
        connection.run(QStringLiteral("UPDATE task SET state = 1, waited = ?, message_id = ?"
                                      " WHERE id = ? AND state = 0"),
                       {qlonglong(waited), QString::fromLatin1(messageId), qlonglong(id.value())});
    if (!changed)
        return fail(changed.error());
    census.count((*place)->notebook, TaskState::Pending, TaskState::Running);
    return {};
}

Result<> putBack(Connection &connection, Census &census, TaskId id)
{
    const auto place = find(connection, id);
    if (!place)
        return fail(place.error());
    if (!*place || (*place)->state != TaskState::Running)
        return stale(id, QStringLiteral("pending again"));
    const auto changed =
        connection.run(QStringLiteral("UPDATE task SET state = 0, waited = NULL, message_id = NULL"
                                      " WHERE id = ? AND state = 1"),
                       {qlonglong(id.value())});
    if (!changed)
        return fail(changed.error());
    census.count((*place)->notebook, TaskState::Running, TaskState::Pending);
    return {};
}

Result<> finish(Connection &connection, Census &census, TaskId id, const TaskOutcome &outcome,
                const std::optional<AuditNote> &note)
{
    const auto place = find(connection, id);
    if (!place)
        return fail(place.error());
    if (!*place || isFinal((*place)->state))
        return stale(id, toText(outcome.state));
    if (const Result<> done = finishAt(connection, census, id, **place, outcome); !done)
        return done;
    if (!outcome.payload.isEmpty()) {
        const auto kept = connection.run(QStringLiteral("INSERT INTO payload VALUES(?, ?)"),
                                         {qlonglong(id.value()), outcome.payload});
        if (!kept)
            return fail(kept.error());
    }
    return recordIf(connection, note);
}

Result<QList<TaskId>> finishPending(Connection &connection, Census &census,
                                    const QList<TaskId> &ids, const TaskOutcome &outcome)
{
    QList<TaskId> changed;
    for (const TaskId id : ids) {
        const auto place = find(connection, id);
        if (!place)
            return fail(place.error());
        if (!*place || (*place)->state != TaskState::Pending)
            continue;
        if (const Result<> done = finishAt(connection, census, id, **place, outcome); !done)
            return fail(done.error());
        changed.append(id);
    }
    return changed;
}

Result<> amendOutputs(Connection &connection, Census &census, TaskId id, const QByteArray &outputs)
{
    bool isThere = false;
    std::optional<std::int64_t> executionCount;
    const Result<> read = connection.query(
        QStringLiteral("SELECT execution_count FROM task WHERE id = ? AND state > 1"),
        {qlonglong(id.value())}, [&](const Row &row) {
            isThere = true;
            if (!row.isNull(0))
                executionCount = row.integer(0);
        });
    if (!read)
        return read;
    if (!isThere)
        return fail(ErrorCode::NotFound,
                    QStringLiteral("there is no finished task %1").arg(toText(id)));
    const auto form = census.contents().outputs(connection, outputs, executionCount);
    if (!form)
        return fail(form.error());
    const auto changed = connection.run(QStringLiteral("UPDATE task SET outputs = ? WHERE id = ?"),
                                        {*form, qlonglong(id.value())});
    if (!changed)
        return fail(changed.error());
    return {};
}

Result<> keepPartial(Connection &connection, TaskId id, const QByteArray &outputs)
{
    const auto changed =
        connection.run(QStringLiteral("UPDATE task SET outputs = ? WHERE id = ? AND state = 1"),
                       {outputs, qlonglong(id.value())});
    if (!changed)
        return fail(changed.error());
    if (*changed == 0)
        return stale(id, QStringLiteral("longer"));
    return {};
}

Result<> markStateLost(Connection &connection, const QList<TaskId> &ids)
{
    for (const TaskId id : ids) {
        const auto changed = connection.run(
            QStringLiteral("UPDATE task SET state_lost = 1 WHERE id = ? AND state = 0"),
            {qlonglong(id.value())});
        if (!changed)
            return fail(changed.error());
    }
    return {};
}

Result<> removeEnded(Connection &connection, Census &census, const QList<TaskId> &ids,
                     std::optional<AuditNote> note)
{
    if (const Result<> kept = keepAuthors(connection, ids); !kept)
        return kept;
    std::int64_t removed = 0;
    for (const TaskId id : ids) {
        const auto place = find(connection, id);
        if (!place)
            return fail(place.error());
        if (!*place || !isFinal((*place)->state))
            continue;
        for (const QString &sql : {QStringLiteral("DELETE FROM key WHERE task = ?"),
                                   QStringLiteral("DELETE FROM adopted WHERE task = ?"),
                                   QStringLiteral("DELETE FROM payload WHERE task = ?"),
                                   QStringLiteral("DELETE FROM task WHERE id = ?")}) {
            const auto gone = connection.run(sql, {qlonglong(id.value())});
            if (!gone)
                return fail(gone.error());
        }
        census.forget((*place)->state);
        ++removed;
    }
    if (note && removed > 0) {
        note->count = removed;
        if (const Result<> noted = recordMore(connection, *note); !noted)
            return noted;
    }
    return census.keepLastId(connection);
}

Result<> reorder(Connection &connection, const QList<TaskId> &ids,
                 const std::optional<AuditNote> &note)
{
    // Places of tasks that wait no more mean nothing.
    const auto swept = connection.run(QStringLiteral(
        "DELETE FROM moved WHERE task NOT IN (SELECT id FROM task WHERE state < 2)"));
    if (!swept)
        return fail(swept.error());
    for (qsizetype place = 0; place < ids.size(); ++place) {
        const auto put = connection.run(
            QStringLiteral("INSERT INTO moved(task, place) VALUES(?, ?)"
                           " ON CONFLICT(task) DO UPDATE SET place = excluded.place"),
            {qlonglong(ids[place].value()), place});
        if (!put)
            return fail(put.error());
    }
    return recordIf(connection, note);
}

}  // namespace celldeck::storage::sql
