#include "storage/taskcleaner.h"

#include <QFileInfo>

#include "base/crashpoint.h"
#include "storage/database.h"
#include "storage/taskstore.h"

namespace celldeck::storage {

namespace {

// Of one transaction: what a submission waits for at most.
constexpr int RowsAtOnce = 250;
constexpr int PagesAtOnce = 250;

/// When a task was kept long enough: it has ended, and its end is that long ago.
QString dueWhere()
{
    return QStringLiteral(
        " FROM task WHERE state >= 2 AND id < ? AND (id >> 15) + 1704067200000"
        " + coalesce(waited, 0) + coalesce(ran, 0)"
        " < CASE state WHEN 2 THEN ? ELSE ? END");
}

struct Cutoffs
{
    qlonglong newest;  ///< No task that was submitted later can be due.
    qlonglong completed;
    qlonglong others;
};

Cutoffs cutoffsOf(const Retention &retention, UtcTime now)
{
    const UtcTime completed = now - retention.completed;
    const UtcTime others = now - retention.others;
    return {.newest = firstIdAt(std::max(completed, others)).value(),
            .completed = completed.time_since_epoch().count(),
            .others = others.time_since_epoch().count()};
}

struct Orphans
{
    std::int64_t lastTask = 0;  ///< the newest that was looked at
    QList<std::int64_t> cells;
};

/// Cells without a task. Reads all tasks, so it is the reader's work.
Result<Orphans> findOrphans(Connection &connection)
{
    Orphans orphans;
    const auto last = connection.number(QStringLiteral("SELECT max(id) FROM task"));
    if (!last)
        return fail(last.error());
    orphans.lastTask = *last;
    const Result<> read = connection.query(
        QStringLiteral("SELECT id FROM cell WHERE id NOT IN (SELECT cell FROM task)"), {},
        [&orphans](const Row &row) { orphans.cells << row.integer(0); });
    if (!read)
        return fail(read.error());
    return orphans;
}

/// A task may have been submitted since with the same content: such a cell stays.
Result<std::int64_t> removeOrphans(Connection &connection, const QList<std::int64_t> &cells,
                                   std::int64_t lastTask)
{
    std::int64_t removed = 0;
    for (const std::int64_t cell : cells) {
        const auto done = connection.run(
            QStringLiteral("DELETE FROM cell WHERE id = ?"
                           " AND NOT EXISTS (SELECT 1 FROM task WHERE id > ? AND cell = ?)"),
            {qlonglong(cell), qlonglong(lastTask), qlonglong(cell)});
        if (!done)
            return fail(done.error());
        removed += *done;
    }
    return removed;
}

std::int64_t sizeOf(const QString &file)
{
    return QFileInfo(file).size();
}

}  // namespace

Waiter<CleanupReport> TaskCleaner::runOnce(Retention retention, CleanupMode mode, UtcTime now)
{
    if (mode == CleanupMode::Preview)
        return m_database.read<CleanupReport>([retention, now, file = m_database.file()](
                                                  Connection &connection) -> Result<CleanupReport> {
            const Cutoffs cutoffs = cutoffsOf(retention, now);
            const auto due = connection.number(QStringLiteral("SELECT count(*)") + dueWhere(),
                                               {cutoffs.newest, cutoffs.completed, cutoffs.others});
            if (!due)
                return fail(due.error());
            CleanupReport report;
            report.tasks = *due;
            report.bytesBefore = report.bytesAfter = sizeOf(file);
            return report;
        });
    if (std::exchange(m_running, true))
        return Waiter<CleanupReport>::resolved(
            fail(ErrorCode::Conflict, QStringLiteral("a cleanup runs already")));
    const Waiter<CleanupReport> done;
    m_scope.start(clean(retention, now, done));
    return done;
}

QCoro::Task<> TaskCleaner::clean(Retention retention, UtcTime now, Waiter<CleanupReport> done)
{
    CleanupReport report;
    report.bytesBefore = sizeOf(m_database.file());
    Result<> outcome;
    const Result<std::int64_t> tasks = co_await removeTasks(retention, now);
    if (!tasks)
        outcome = fail(tasks.error());
    else
        report.tasks = *tasks;
    if (outcome) {
        const Result<std::int64_t> cells = co_await removeCells();
        if (!cells)
            outcome = fail(cells.error());
        else
            report.cells = *cells;
    }
    if (outcome)
        outcome = co_await shrink();
    if (!outcome && outcome.error().code == ErrorCode::Cancelled)
        co_return;
    m_running = false;
    report.bytesAfter = sizeOf(m_database.file());
    done.resolve(outcome ? Result<CleanupReport>(report) : fail(outcome.error()));
}

QCoro::Task<Result<std::int64_t>> TaskCleaner::removeTasks(Retention retention, UtcTime now)
{
    const Cutoffs cutoffs = cutoffsOf(retention, now);
    std::int64_t removed = 0;
    for (;;) {
        const auto finding = m_database.read<QList<TaskId>>(
            [cutoffs](Connection &connection) -> Result<QList<TaskId>> {
                QList<TaskId> ids;
                const Result<> read = connection.query(
                    QStringLiteral("SELECT id") + dueWhere() + QStringLiteral(" LIMIT ?"),
                    {cutoffs.newest, cutoffs.completed, cutoffs.others, RowsAtOnce},
                    [&ids](const Row &row) { ids << TaskId(row.integer(0)); });
                if (!read)
                    return fail(read.error());
                return ids;
            });
        const Result<QList<TaskId>> due = co_await finding.wait(m_scope);
        if (!due)
            co_return fail(due.error());
        if (due->isEmpty())
            co_return removed;
        const auto removing = m_store.removeEnded(*due);
        const Result<> gone = co_await removing.wait(m_scope);
        if (!gone)
            co_return fail(gone.error());
        removed += due->size();
        crashPoint("cleanup.tasks_removed");
    }
}

QCoro::Task<Result<std::int64_t>> TaskCleaner::removeCells()
{
    const auto finding = m_database.read<Orphans>(findOrphans);
    const Result<Orphans> orphans = co_await finding.wait(m_scope);
    if (!orphans)
        co_return fail(orphans.error());
    std::int64_t removed = 0;
    for (qsizetype at = 0; at < orphans->cells.size(); at += RowsAtOnce) {
        const auto removing = m_database.write<std::int64_t>(
            [some = orphans->cells.mid(at, RowsAtOnce), last = orphans->lastTask](
                Connection &connection) { return removeOrphans(connection, some, last); });
        const Result<std::int64_t> gone = co_await removing.wait(m_scope);
        if (!gone)
            co_return gone;
        removed += *gone;
        crashPoint("cleanup.cells_removed");
    }
    co_return removed;
}

QCoro::Task<Result<>> TaskCleaner::shrink()
{
    for (;;) {
        const auto vacuuming =
            m_database.write<std::int64_t>([](Connection &connection) -> Result<std::int64_t> {
                const Result<> freed = connection.query(
                    QStringLiteral("PRAGMA incremental_vacuum(%1)").arg(PagesAtOnce), {},
                    [](const Row &) {});
                if (!freed)
                    return fail(freed.error());
                return connection.number(QStringLiteral("PRAGMA freelist_count"));
            });
        const Result<std::int64_t> left = co_await vacuuming.wait(m_scope);
        if (!left)
            co_return fail(left.error());
        crashPoint("cleanup.room_given_back");
        if (*left == 0)
            break;
    }
    // The file itself gets shorter with a checkpoint.
    co_return Result<>{};
}

}  // namespace celldeck::storage
