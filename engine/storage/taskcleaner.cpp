#include "storage/taskcleaner.h"

#include <QFileInfo>

#include "base/crashpoint.h"
#include "storage/auditsql.h"
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

Result<QList<TaskId>> findTasks(Connection &connection, const QString &sql,
                                const QVariantList &values)
{
    QList<TaskId> ids;
    const Result<> read =
        connection.queryOnce(sql + QStringLiteral(" LIMIT ?"), values,
                             [&ids](const Row &row) { ids << TaskId(row.integer(0)); });
    if (!read)
        return fail(read.error());
    return ids;
}

/// How many of the tasks that have ended must go, if they are all alike, so that the database holds
/// no more than that; 0 if it does not, or none is left.
Result<std::int64_t> countOver(Connection &connection, std::int64_t largestBytes)
{
    const auto bytes = connection.usedBytes();
    if (!bytes || *bytes <= largestBytes)
        return bytes ? Result<std::int64_t>(0) : bytes;
    const auto ended =
        connection.number(QStringLiteral("SELECT count(*) FROM task WHERE state >= 2"));
    if (!ended || *ended == 0)
        return ended;
    const double share = double(*bytes - largestBytes) / double(*bytes);
    return std::max<std::int64_t>(1, std::int64_t(double(*ended) * share));
}

/// Contents without a task.
struct Orphans
{
    QList<std::int64_t> cells;
    QList<std::int64_t> outputs;
};

/// Reads all tasks, so it is the reader's work.
Result<Orphans> findOrphans(Connection &connection, const StoredRows &last)
{
    Orphans orphans;
    const auto find = [&connection](const QString &sql, std::int64_t upTo,
                                    QList<std::int64_t> &found) {
        return connection.query(sql, {qlonglong(upTo)},
                                [&found](const Row &row) { found << row.integer(0); });
    };
    const Result<> cells = find(
        QStringLiteral("SELECT id FROM cell WHERE id <= ? AND id NOT IN (SELECT cell FROM task)"),
        last.cells, orphans.cells);
    if (!cells)
        return fail(cells.error());
    const Result<> outputs =
        find(QStringLiteral("SELECT id FROM output WHERE id <= ? AND id NOT IN"
                            " (SELECT outputs FROM task WHERE typeof(outputs) = 'integer')"),
             last.outputs, orphans.outputs);
    if (!outputs)
        return fail(outputs.error());
    return orphans;
}

Result<std::int64_t> removeRows(Connection &connection, const QString &sql,
                                const QList<std::int64_t> &rows)
{
    std::int64_t removed = 0;
    for (const std::int64_t row : rows) {
        const auto done = connection.run(sql, {qlonglong(row)});
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

Waiter<CleanupReport> TaskCleaner::runOnce(Retention retention, CleanupMode mode, UtcTime now,
                                           Actor by)
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
    const AuditNote note{.by = std::move(by),
                         .action = Action::CleanUp,
                         .at = now,
                         .detail = QStringLiteral("completed after %1 h, others after %2 h")
                                       .arg(retention.completed.count())
                                       .arg(retention.others.count())};
    m_scope.start(clean(retention, now, note, done));
    return done;
}

QCoro::Task<> TaskCleaner::clean(Retention retention, UtcTime now, AuditNote note,
                                 Waiter<CleanupReport> done)
{
    CleanupReport report;
    report.bytesBefore = sizeOf(m_database.file());
    Result<> outcome = co_await removeOld(retention, now, note, &report);
    if (outcome)
        outcome = co_await removeContents(&report);
    if (outcome)
        outcome = co_await removeOverSize(retention.largestBytes, note, &report);
    if (outcome)
        outcome = co_await removeAudit(now);
    if (outcome)
        outcome = co_await shrink();
    if (!outcome && outcome.error().code == ErrorCode::Cancelled)
        co_return;
    m_running = false;
    report.bytesAfter = sizeOf(m_database.file());
    done.resolve(outcome ? Result<CleanupReport>(report) : fail(outcome.error()));
}

QCoro::Task<Result<>> TaskCleaner::removeOld(Retention retention, UtcTime now, AuditNote note,
                                             CleanupReport *report)
{
    const auto find = [cutoffs = cutoffsOf(retention, now)](Connection &connection) {
        return findTasks(connection, QStringLiteral("SELECT id") + dueWhere(),
                         {cutoffs.newest, cutoffs.completed, cutoffs.others, RowsAtOnce});
    };
    const Result<std::int64_t> removed =
        co_await removeTasks(find, std::numeric_limits<std::int64_t>::max(), note);
    if (!removed)
        co_return fail(removed.error());
    report->tasks += *removed;
    co_return Result<>{};
}

QCoro::Task<Result<>> TaskCleaner::removeOverSize(std::int64_t largestBytes, AuditNote note,
                                                  CleanupReport *report)
{
    const auto find = [](Connection &connection) {
        return findTasks(connection,
                         QStringLiteral("SELECT id FROM task WHERE state >= 2"
                                        " ORDER BY id"),
                         {RowsAtOnce});
    };
    for (;;) {
        const auto looking = m_database.read<std::int64_t>(
            [largestBytes](Connection &connection) { return countOver(connection, largestBytes); });
        const Result<std::int64_t> over = co_await looking.wait(m_scope);
        if (!over)
            co_return fail(over.error());
        if (*over == 0)
            co_return Result<>{};
        const Result<std::int64_t> removed = co_await removeTasks(find, *over, note);
        if (!removed)
            co_return fail(removed.error());
        report->tasks += *removed;
        const Result<> swept = co_await removeContents(report);
        if (!swept)
            co_return swept;
    }
}

/// Those that `find` finds, a transaction's worth at a time.
QCoro::Task<Result<std::int64_t>> TaskCleaner::removeTasks(
    std::function<Result<QList<TaskId>>(Connection &)> find, std::int64_t atMost, AuditNote note)
{
    std::int64_t removed = 0;
    while (removed < atMost) {
        const auto finding = m_database.read<QList<TaskId>>(find);
        const Result<QList<TaskId>> due = co_await finding.wait(m_scope);
        if (!due)
            co_return fail(due.error());
        if (due->isEmpty())
            break;
        const auto some = std::min<std::int64_t>(atMost - removed, RowsAtOnce);
        const auto removing = m_store.removeEnded(
            due->first(std::min<qsizetype>(due->size(), qsizetype(some))), note);
        const Result<> gone = co_await removing.wait(m_scope);
        if (!gone)
            co_return fail(gone.error());
        removed += std::min<std::int64_t>(due->size(), atMost - removed);
        crashPoint("cleanup.tasks_removed");
    }
    co_return removed;
}

QCoro::Task<Result<>> TaskCleaner::removeContents(CleanupReport *report)
{
    // From here on nothing that is stored now gets another task, so that what is found without one
    // stays without.
    const auto beginning = m_store.beginSweep();
    const Result<StoredRows> last = co_await beginning.wait(m_scope);
    if (!last)
        co_return fail(last.error());
    const auto finding = m_database.read<Orphans>(
        [rows = *last](Connection &connection) { return findOrphans(connection, rows); });
    const Result<Orphans> orphans = co_await finding.wait(m_scope);
    if (!orphans)
        co_return fail(orphans.error());
    const Result<std::int64_t> cells =
        co_await removeAll(QStringLiteral("DELETE FROM cell WHERE id = ?"), orphans->cells);
    if (!cells)
        co_return fail(cells.error());
    const Result<std::int64_t> outputs =
        co_await removeAll(QStringLiteral("DELETE FROM output WHERE id = ?"), orphans->outputs);
    if (!outputs)
        co_return fail(outputs.error());
    report->cells += *cells;
    report->outputs += *outputs;
    const Waiter<> ending = m_store.endSweep();
    co_return co_await ending.wait(m_scope);
}

QCoro::Task<Result<std::int64_t>> TaskCleaner::removeAll(QString sql, QList<std::int64_t> rows)
{
    std::int64_t removed = 0;
    for (qsizetype at = 0; at < rows.size(); at += RowsAtOnce) {
        const auto removing = m_database.write<std::int64_t>(
            [sql, some = rows.mid(at, RowsAtOnce)](Connection &connection) {
                return removeRows(connection, sql, some);
            });
        const Result<std::int64_t> gone = co_await removing.wait(m_scope);
        if (!gone)
            co_return gone;
        removed += *gone;
        crashPoint("cleanup.cells_removed");
    }
    co_return removed;
}

QCoro::Task<Result<>> TaskCleaner::removeAudit(UtcTime now)
{
    for (;;) {
        const auto removing = m_database.write<int>([now](Connection &connection) {
            return sql::removeOldAudit(connection, {}, now, RowsAtOnce);
        });
        const Result<int> gone = co_await removing.wait(m_scope);
        if (!gone)
            co_return fail(gone.error());
        if (*gone == 0)
            co_return Result<>{};
    }
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
