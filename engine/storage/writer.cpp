#include "storage/writer.h"

#include <QLoggingCategory>

#include "base/crashpoint.h"

namespace celldeck::storage {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.storage")

// How long a commit waits at most for what the answers to the one before it lead to.
constexpr auto AnswersTake = std::chrono::milliseconds(2);

// 4 MB, and then from its beginning again.
constexpr std::int64_t LogPages = 1'024;
// Of which so many are laid out at a time, where something comes all the time.
constexpr std::int64_t StepPages = 128;
constexpr std::int64_t PageBytes = 4'096;
// Writes a page and changes nothing: Celldeck's files have 0 there.
constexpr const char *Touch = "PRAGMA application_id=0";

}  // namespace

Writer::Writer(Listener listener) : m_listener(std::move(listener)) {}

Writer::~Writer()
{
    stop();
}

void Writer::process(Connection &connection, Jobs jobs)
{
    if (m_failing)
        tryAgain(connection);
    if (m_notReread)
        reread(connection);
    std::vector<Result<>> results = m_notReread
                                        ? std::vector<Result<>>(jobs.size(), fail(*m_notReread))
                                        : runAll(connection, jobs);
    if (auto fault = connection.takeFault())
        report(std::move(fault));
    std::vector<Answer> answers;
    answers.reserve(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i)
        answers.push_back({std::move(jobs[i]), std::move(results[i])});
    deliver(std::move(answers));
    if (newLogPages(connection) >= LogPages)
        checkpoint(connection);
    if (connection.logPages() + StepPages / 2 > m_laidOutPages)
        layOut(connection, std::min(m_laidOutPages + StepPages, LogPages),
               Connection::Sync::WithNextCommit);
}

void Writer::opening(Connection &connection)
{
    connection.stopAutomaticCheckpoints();
    m_tellAtBytes = m_watch.largestBytes;
}

void Writer::idle(Connection &connection)
{
    if (newLogPages(connection) > 0)
        checkpoint(connection);
    layOut(connection, LogPages, Connection::Sync::Now);
}

void Writer::layOut(Connection &connection, std::int64_t pages, Connection::Sync sync)
{
    if (pages <= m_laidOutPages)
        return;
    m_laidOutPages = pages;  // Once: a log that cannot be laid out grows by its commits.
    if (const Result<> done = connection.layOutLog(pages, sync); !done)
        qCInfo(log, "%s", qUtf8Printable(done.error().message));
}

std::int64_t Writer::newLogPages(const Connection &connection)
{
    if (connection.logPages() < m_checkpointedPages)
        m_checkpointedPages = 0;  // It has begun anew since.
    return connection.logPages() - m_checkpointedPages;
}

void Writer::checkpoint(Connection &connection)
{
    const auto left = connection.checkpoint();
    if (!left)
        qCWarning(log, "%s", qUtf8Printable(left.error().message));
    // What it could not move stays in the log, and commits go on there.
    if (auto fault = connection.takeFault(); fault && fault->code == ErrorCode::Damaged)
        report(std::move(fault));
    // Where a reader holds it up, not again at each commit.
    m_checkpointedPages = connection.logPages();
    if (left)
        lookAtSizes(connection, *left);
}

void Writer::lookAtSizes(Connection &connection, std::int64_t logPages)
{
    const std::int64_t logBytes = logPages * PageBytes;
    const bool isLarge = logBytes > m_watch.largestLogBytes;
    if (isLarge && !m_logWasLarge && m_watch.logIsLarge)
        tell([told = m_watch.logIsLarge, logBytes] { told(logBytes); });
    m_logWasLarge = isLarge;
    const auto bytes = connection.usedBytes();
    if (!bytes) {
        qCWarning(log, "%s", qUtf8Printable(bytes.error().message));
        return;
    }
    if (*bytes <= m_watch.largestBytes) {
        m_tellAtBytes = m_watch.largestBytes;
    } else if (*bytes > m_tellAtBytes) {
        // Perhaps nothing of it may be removed yet: so not again before it has grown much.
        m_tellAtBytes = *bytes + m_watch.largestBytes / 8;
        if (m_watch.databaseIsLarge)
            tell(m_watch.databaseIsLarge);
    }
}

std::vector<Result<>> Writer::runAll(Connection &connection, Jobs &jobs)
{
    std::vector<Result<>> results;
    results.reserve(jobs.size());
    if (runTogether(connection, jobs, results))
        return results;
    results.clear();
    for (const auto &job : jobs)
        results.push_back(m_notReread ? fail(*m_notReread) : runAlone(connection, *job));
    return results;
}

bool Writer::runTogether(Connection &connection, Jobs &jobs, std::vector<Result<>> &results)
{
    if (const auto begun = connection.run(QStringLiteral("BEGIN IMMEDIATE")); !begun) {
        qCWarning(log, "%s", qUtf8Printable(begun.error().message));
        return false;
    }
    const auto latest = std::chrono::steady_clock::now() + AnswersTake;
    for (std::size_t next = 0; next < jobs.size() || takeMore(jobs, latest); ++next) {
        Result<> done = jobs[next]->run(connection);
        if (!done && done.error().code == ErrorCode::StorageUnavailable) {
            rollBack(connection);
            return false;
        }
        results.push_back(std::move(done));
    }
    crashPoint("writer.before_commit");
    const Result<> committed = commit(connection);
    crashPoint("writer.after_commit");
    return committed.has_value();
}

Result<> Writer::runAlone(Connection &connection, Job &job)
{
    if (const auto begun = connection.run(QStringLiteral("BEGIN IMMEDIATE")); !begun)
        return fail(begun.error());
    const Result<> done = job.run(connection);
    if (!done) {
        rollBack(connection);
        return done;
    }
    return commit(connection);
}

Result<> Writer::commit(Connection &connection)
{
    const auto committed = connection.run(QStringLiteral("COMMIT"));
    if (committed)
        return {};
    qCWarning(log, "%s", qUtf8Printable(committed.error().message));
    rollBack(connection);
    for (const char *const sql : {"PRAGMA synchronous=OFF", Touch, "PRAGMA synchronous=FULL"}) {
        const Result<> done =
            connection.queryOnce(QString::fromLatin1(sql), {}, [](const Row &) {});
        if (!done)
            qCInfo(log, "%s", qUtf8Printable(done.error().message));
    }
    return fail(committed.error());
}

void Writer::rollBack(Connection &connection)
{
    // After some failures SQLite has rolled back already, and then says so: nothing is lost by it.
    if (const auto undone = connection.run(QStringLiteral("ROLLBACK")); !undone)
        qCInfo(log, "%s", qUtf8Printable(undone.error().message));
    reread(connection);
}

void Writer::reread(Connection &connection)
{
    m_notReread.reset();
    const Result<> done = m_listener.rolledBack(connection);
    if (done)
        return;
    m_notReread = done.error();
    m_notReread->code = ErrorCode::StorageUnavailable;
    qCCritical(log, "%s", qUtf8Printable(done.error().message));
}

void Writer::tryAgain(Connection &connection)
{
    (void)connection.takeFault();
    const Result<> done = connection.queryOnce(QString::fromLatin1(Touch), {}, [](const Row &) {});
    auto fault = connection.takeFault();
    if (!done && !fault)
        fault = done.error();
    report(std::move(fault));
}

void Writer::report(std::optional<Error> fault)
{
    m_failing = fault.has_value();
    tell([this, fault = std::move(fault)] { m_listener.wrote(fault); });
}

void Writer::closing(Connection &connection)
{
    const Result<> done = connection.queryOnce(QStringLiteral("PRAGMA wal_checkpoint(TRUNCATE)"),
                                               {}, [](const Row &) {});
    if (!done)
        qCWarning(log, "%s", qUtf8Printable(done.error().message));
}

}  // namespace celldeck::storage
