#include "storage/auditsql.h"
#include "storage/tasksql.h"

namespace celldeck::storage::sql {

namespace {

/// The first free id at that time. What lies before the time in ids or behind now, where the next
/// submission's would be, is moved to that border.
Result<TaskId> freeId(Connection &connection, UtcTime at, UtcTime now)
{
    const TaskId first(1);
    TaskId id = std::clamp(firstIdAt(at), first, std::max(first, firstIdAt(now)));
    for (;; id = TaskId(id.value() + 1)) {
        const auto taken = connection.number(QStringLiteral("SELECT 1 FROM task WHERE id = ?"),
                                             {qlonglong(id.value())});
        if (!taken)
            return fail(taken.error());
        if (*taken == 0)
            return id;
    }
}

/// The way of a task through its states, in one transaction.
Result<TaskRecord> importOne(Connection &connection, Census &census, const ImportedTask &task,
                             std::int64_t notebook, UtcTime now)
{
    const auto id = freeId(connection, task.createdAt, now);
    if (!id)
        return fail(id.error());
    const auto record = insertOne(connection, census, task.draft,
                                  {.id = *id, .batch = {}, .notebook = notebook, .actor = {}});
    if (!record)
        return record;
    census.countImported(*id, notebook);
    if (!task.outcome)
        return record;
    if (task.startedAt) {
        const Result<> begun = markRunning(connection, census, *id, {}, *task.startedAt);
        if (!begun)
            return fail(begun.error());
    }
    const Result<> ended = finish(connection, census, *id, *task.outcome, {});
    if (!ended)
        return fail(ended.error());
    return record;
}

/// Why a task cannot be taken over; "" if it can. `present`: it is there already.
Result<QString> objection(Connection &connection, Census &census, const ImportedTask &task,
                          bool &present)
{
    if (const Result<> good = checkDraft(task.draft); !good)
        return good.error().message;
    const auto known =
        connection.number(QStringLiteral("SELECT task FROM key WHERE name = ?"), {task.draft.key});
    if (!known)
        return fail(known.error());
    if (*known != 0) {
        const auto there = load(connection, TaskId(*known));
        if (!there)
            return fail(there.error());
        present = there->task.code == task.draft.code &&
                  there->task.cellIndex == std::max(-1, task.draft.cellIndex);
        return present ? QString() : QStringLiteral("its id is taken by a task with other content");
    }
    if (task.outcome)
        return QString();
    const Result<> room = census.roomFor(connection, {task.draft.notebookPath});
    return room ? QString() : room.error().message;
}

}  // namespace

Result<ImportReport> importTasks(Connection &connection, Census &census,
                                 const QList<ImportedTask> &tasks, UtcTime now, AuditNote note)
{
    ImportReport report;
    for (const ImportedTask &task : tasks) {
        bool present = false;
        const auto against = objection(connection, census, task, present);
        if (!against)
            return fail(against.error());
        if (present) {
            ++report.present;
            continue;
        }
        if (!against->isEmpty()) {
            report.skipped.append({.key = task.draft.key, .why = *against});
            continue;
        }
        const auto notebook = census.notebookId(connection, task.draft.notebookPath);
        if (!notebook)
            return fail(notebook.error());
        const auto record = importOne(connection, census, task, *notebook, now);
        if (!record)
            return fail(record.error().code == ErrorCode::Stale ? ErrorCode::StorageUnavailable
                                                                : record.error().code,
                        record.error().message);
        ++report.imported;
        if (!task.outcome)
            report.pending.append(*record);
    }
    if (report.imported == 0)
        return report;
    note.count = report.imported;
    if (const Result<> noted = recordMore(connection, note); !noted)
        return fail(noted.error());
    return report;
}

}  // namespace celldeck::storage::sql
