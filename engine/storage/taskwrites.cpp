#include "storage/auditsql.h"
#include "storage/outputforms.h"
#include "storage/tasksql.h"

namespace celldeck::storage::sql {

namespace {

Result<> recordIf(Connection &connection, const std::optional<AuditNote> &note)
{
    return note ? record(connection, *note) : Result<>();
}

struct Place
{
    TaskState state;
    std::int64_t notebook;
    std::optional<std::int64_t> waited;  // ms until it began
};

Result<std::optional<Place>> find(Connection &connection, TaskId id)
{
    std::optional<Place> place;
    const Result<> read = connection.query(
        QStringLiteral("SELECT t.state, c.notebook, t.waited FROM task t"
                       " JOIN cell c ON c.id = t.cell WHERE t.id = ?"),
        {qlonglong(id.value())}, [&](const Row &row) {
            place = Place{static_cast<TaskState>(row.integer(0)), row.integer(1),
                          row.isNull(2) ? std::nullopt : std::optional(row.integer(2))};
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

std::int64_t waitedUntil(TaskId id, UtcTime begun)
{
    return std::max<std::int64_t>(0, (begun - timeOf(id)).count());
}

Result<> noteShown(Connection &connection, TaskId id, const QByteArray &displays)
{
    if (displays.isEmpty())
        return {};
    const auto noted = connection.run(QStringLiteral("INSERT OR REPLACE INTO shown VALUES(?, ?)"),
                                      {qlonglong(id.value()), displays});
    if (!noted)
        return fail(noted.error());
    return {};
}

/// From `place` to the final state; whoever calls has checked that it is not final.
Result<> finishAt(Connection &connection, Census &census, TaskId id, const Place &place,
                  const TaskOutcome &outcome)
{
    const auto outputs =
        census.contents().outputs(connection, outcome.outputs, outcome.executionCount);
    if (!outputs)
        return fail(outputs.error());
    std::optional<std::int64_t> waited;
    if (outcome.hasRun)
        waited = place.waited;
    if (outcome.hasRun && !waited && outcome.startedAt)
        waited = waitedUntil(id, *outcome.startedAt);
    const std::int64_t ran =
        std::max<std::int64_t>(0, (outcome.finishedAt - timeOf(id)).count() - waited.value_or(0));
    const auto changed = connection.run(
        QStringLiteral(
            "UPDATE task SET state = ?, waited = ?, ran = ?, execution_count = ?, error = ?,"
            " outputs = ?, message_id = NULL WHERE id = ? AND state = ?"),
        {static_cast<int>(outcome.state), waited ? QVariant(qlonglong(*waited)) : QVariant(),
         qlonglong(ran),
         outcome.executionCount ? QVariant(qlonglong(*outcome.executionCount)) : QVariant(),
         outcome.error.isEmpty() ? QVariant() : QVariant(outcome.error), *outputs,
         qlonglong(id.value()), static_cast<int>(place.state)});
    if (!changed)
        return fail(changed.error());
    census.count(place.notebook, place.state, outcome.state);
    return {};
}

}  // namespace

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
    const std::int64_t waited = waitedUntil(id, now);
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
    if (!*place || isFinal((*place)->state))
        return stale(id, QStringLiteral("pending again"));
    const auto changed =
        connection.run(QStringLiteral("UPDATE task SET state = 0, waited = NULL, message_id = NULL"
                                      " WHERE id = ?"),
                       {qlonglong(id.value())});
    if (!changed)
        return fail(changed.error());
    census.count((*place)->notebook, (*place)->state, TaskState::Pending);
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
    if (const Result<> shown = noteShown(connection, id, outcome.displays); !shown)
        return shown;
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

/// In its own row, and not among the contents that are stored once: while a display is shown anew
/// each second, each of them would stay there until the next sweep.
Result<> amendOutputs(Connection &connection, TaskId id, const QByteArray &outputs)
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
    const auto changed =
        connection.run(QStringLiteral("UPDATE task SET outputs = ? WHERE id = ?"),
                       {outputForm(outputs, executionCount), qlonglong(id.value())});
    if (!changed)
        return fail(changed.error());
    return {};
}

Result<> keepPartial(Connection &connection, TaskId id, const QByteArray &outputs,
                     const QByteArray &displays)
{
    const auto changed =
        connection.run(QStringLiteral("UPDATE task SET outputs = ? WHERE id = ? AND state = 1"),
                       {outputs, qlonglong(id.value())});
    if (!changed)
        return fail(changed.error());
    if (*changed == 0)
        return stale(id, QStringLiteral("longer"));
    return noteShown(connection, id, displays);
}

Result<> markStateLost(Connection &connection, const QList<TaskId> &ids)
{
    for (const TaskId id : ids) {
        const auto changed = connection.run(
            QStringLiteral("UPDATE task SET state_lost = 1 WHERE id = ? AND state < 2"),
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
                                   QStringLiteral("DELETE FROM shown WHERE task = ?"),
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
