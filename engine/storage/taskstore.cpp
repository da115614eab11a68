#include "storage/taskstore.h"

#include "storage/database.h"
#include "storage/kernelstore.h"
#include "storage/tasksql.h"

namespace celldeck::storage {

struct TaskStore::Private
{
    Database &database;
    std::shared_ptr<Census> census;  // shared with jobs that may outlive the store
};

TaskStore::TaskStore(Database &database, QueueLimits limits)
    : d(new Private{database, std::make_shared<Census>(limits)})
{
    database.onReread(
        [census = d->census](Connection &connection) { return census->reread(connection); });
}

TaskStore::~TaskStore() = default;

Waiter<QList<TaskRecord>> TaskStore::insert(QList<TaskDraft> drafts, UtcTime now, Actor by)
{
    return d->database.write<QList<TaskRecord>>([census = d->census, drafts = std::move(drafts),
                                                 now, by = std::move(by)](Connection &connection) {
        return sql::insert(connection, *census, drafts, now, by);
    });
}

Waiter<ImportReport> TaskStore::importTasks(QList<ImportedTask> tasks, UtcTime now, AuditNote note)
{
    return d->database.write<ImportReport>([census = d->census, tasks = std::move(tasks), now,
                                            note = std::move(note)](Connection &connection) {
        return sql::importTasks(connection, *census, tasks, now, note);
    });
}

ConnectionThread::Hold TaskStore::together()
{
    return d->database.holdWrites();
}

Waiter<> TaskStore::announce(TaskId id, QByteArray messageId)
{
    return d->database.write<void>([id, messageId = std::move(messageId)](Connection &connection) {
        return sql::announce(connection, id, messageId);
    });
}

Waiter<> TaskStore::markRunning(TaskId id, QByteArray messageId, UtcTime now)
{
    return d->database.write<void>(
        [census = d->census, id, messageId = std::move(messageId), now](Connection &connection) {
            return sql::markRunning(connection, *census, id, messageId, now);
        });
}

Waiter<> TaskStore::putBack(TaskId id)
{
    return d->database.write<void>([census = d->census, id](Connection &connection) {
        return sql::putBack(connection, *census, id);
    });
}

Waiter<> TaskStore::finish(TaskId id, TaskOutcome outcome, std::optional<AuditNote> note)
{
    return d->database.write<void>([census = d->census, id, outcome = std::move(outcome),
                                    note = std::move(note)](Connection &connection) {
        return sql::finish(connection, *census, id, outcome, note);
    });
}

Waiter<QList<TaskId>> TaskStore::finishPending(QList<TaskId> ids, TaskOutcome outcome)
{
    return d->database.write<QList<TaskId>>([census = d->census, ids = std::move(ids),
                                             outcome = std::move(outcome)](Connection &connection) {
        return sql::finishPending(connection, *census, ids, outcome);
    });
}

Waiter<> TaskStore::amendOutputs(TaskId id, QByteArray outputs)
{
    return d->database.write<void>([id, outputs = std::move(outputs)](Connection &connection) {
        return sql::amendOutputs(connection, id, outputs);
    });
}

Waiter<> TaskStore::keepPartial(TaskId id, QByteArray outputs, QByteArray displays)
{
    return d->database.write<void>(
        [id, outputs = std::move(outputs), displays = std::move(displays)](Connection &connection) {
            return sql::keepPartial(connection, id, outputs, displays);
        });
}

Waiter<QList<TaskDetail>> TaskStore::loadShown(QString notebookPath, UtcTime since)
{
    return d->database.read<QList<TaskDetail>>(
        [path = std::move(notebookPath), since](Connection &connection) {
            return sql::loadShown(connection, path, since);
        });
}

Waiter<QList<TaskRecord>> TaskStore::loseKernel(QString notebookPath, QList<TaskDraft> rebuilding,
                                                QList<TaskId> pending, UtcTime now)
{
    return d->database.write<QList<TaskRecord>>(
        [census = d->census, path = std::move(notebookPath), rebuilding = std::move(rebuilding),
         pending = std::move(pending), now](Connection &connection) -> Result<QList<TaskRecord>> {
            auto added = sql::insert(connection, *census, rebuilding, now, {});
            if (!added)
                return added;
            QList<TaskId> order;
            for (const TaskRecord &task : std::as_const(*added))
                order << task.id;
            order << pending;
            const Result<> marked = added->isEmpty() ? sql::markStateLost(connection, pending)
                                                     : sql::reorder(connection, order, {});
            if (!marked)
                return fail(marked.error());
            const Result<> lost = order.isEmpty() ? sql::forgetKernel(connection, path)
                                                  : sql::markKernelLost(connection, path);
            if (!lost)
                return fail(lost.error());
            return added;
        });
}

Waiter<> TaskStore::reorder(QList<TaskId> ids, std::optional<AuditNote> note)
{
    return d->database.write<void>(
        [ids = std::move(ids), note = std::move(note)](Connection &connection) {
            return sql::reorder(connection, ids, note);
        });
}

Waiter<> TaskStore::removeEnded(QList<TaskId> ids, std::optional<AuditNote> note)
{
    return d->database.write<void>(
        [census = d->census, ids = std::move(ids), note = std::move(note)](Connection &connection) {
            return sql::removeEnded(connection, *census, ids, note);
        });
}

Waiter<StoredRows> TaskStore::beginSweep()
{
    return d->database.write<StoredRows>([census = d->census](Connection &connection) {
        return census->contents().beginSweep(connection);
    });
}

Waiter<> TaskStore::endSweep()
{
    return d->database.write<void>([census = d->census](Connection &) -> Result<> {
        census->contents().endSweep();
        return {};
    });
}

Waiter<QList<TaskRecord>> TaskStore::loadUnfinished()
{
    return d->database.read<QList<TaskRecord>>(sql::unfinished);
}

Waiter<TaskDetail> TaskStore::load(TaskId id)
{
    return d->database.read<TaskDetail>(
        [id](Connection &connection) { return sql::load(connection, id); });
}

Waiter<TaskDetail> TaskStore::loadByName(QString name)
{
    return d->database.read<TaskDetail>([name = std::move(name)](Connection &connection) {
        return sql::loadByName(connection, name);
    });
}

Waiter<QList<TaskRecord>> TaskStore::list(TaskFilter filter)
{
    return d->database.read<QList<TaskRecord>>(
        [filter = std::move(filter)](Connection &connection) {
            return sql::list(connection, filter);
        });
}

Waiter<TaskStats> TaskStore::stats(UtcTime now)
{
    // A job of the writer's, since the census is the writer's: it changes nothing and costs no
    // sync.
    return d->database.write<TaskStats>(
        [census = d->census, file = d->database.file(), now](Connection &connection) {
            return sql::stats(connection, *census, file, now);
        });
}

}  // namespace celldeck::storage
