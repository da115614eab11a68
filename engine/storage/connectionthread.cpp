#include "storage/connectionthread.h"

#include <QCoreApplication>
#include <QEvent>
#include <QLoggingCategory>
#include <future>

#include "base/crashpoint.h"

namespace celldeck::storage {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.storage")

// Bounds how long the first job of a batch waits for its commit, and the size of a rerun.
constexpr size_t MaxBatch = 512;

}  // namespace

ConnectionThread::ConnectionThread() = default;
ConnectionThread::~ConnectionThread() = default;

Result<> ConnectionThread::start(const QString &file, Connection::Mode mode,
                                 std::function<Result<>(Connection &)> prepare)
{
    std::promise<Result<>> opened;
    std::future<Result<>> outcome = opened.get_future();
    m_accepts = true;
    m_thread = std::thread([this, file, mode, prepare = std::move(prepare), &opened] {
        run(file, mode, prepare, [&opened](Result<> result) { opened.set_value(result); });
    });
    Result<> result = outcome.get();
    if (!result)
        stop();
    return result;
}

void ConnectionThread::run(const QString &file, Connection::Mode mode,
                           const std::function<Result<>(Connection &)> &prepare,
                           const std::function<void(Result<>)> &opened)
{
    auto connection = Connection::open(file, mode);
    if (!connection) {
        opened(fail(connection.error()));
        return;
    }
    const Result<> prepared = prepare(**connection);
    opened(prepared);
    if (!prepared)
        return;
    for (;;) {
        std::deque<Job> jobs;
        {
            std::unique_lock lock(m_mutex);
            m_changed.wait(lock, [this] { return !m_jobs.empty() || !m_accepts; });
            if (m_jobs.empty())
                break;
            const size_t count = std::min(m_jobs.size(), MaxBatch);
            const auto end = m_jobs.begin() + static_cast<std::ptrdiff_t>(count);
            std::move(m_jobs.begin(), end, std::back_inserter(jobs));
            m_jobs.erase(m_jobs.begin(), end);
        }
        process(**connection, std::move(jobs));
    }
    closing(**connection);
}

void ConnectionThread::add(Job job)
{
    {
        const std::scoped_lock lock(m_mutex);
        if (m_accepts) {
            m_jobs.push_back(std::move(job));
            m_changed.notify_one();
            return;
        }
    }
    job.answer(fail(ErrorCode::StorageUnavailable, QStringLiteral("the database is closed")));
}

void ConnectionThread::stop()
{
    {
        const std::scoped_lock lock(m_mutex);
        m_accepts = false;
        m_changed.notify_all();
    }
    if (!m_thread.joinable())
        return;
    m_thread.join();
    giveAnswers();
}

void ConnectionThread::deliver(std::vector<Answer> answers)
{
    const std::scoped_lock lock(m_mutex);
    const bool isFirst = m_answers.empty();
    std::ranges::move(answers, std::back_inserter(m_answers));
    if (isFirst)
        QMetaObject::invokeMethod(&m_anchor, [this] { giveAnswers(); }, Qt::QueuedConnection);
}

void ConnectionThread::giveAnswers()
{
    std::vector<Answer> answers;
    {
        const std::scoped_lock lock(m_mutex);
        answers.swap(m_answers);
    }
    for (Answer &answer : answers)
        answer.job.answer(std::move(answer.result));
}

Writer::Writer(std::function<Result<>(Connection &)> rolledBack)
    : m_rolledBack(std::move(rolledBack))
{}

Writer::~Writer()
{
    stop();
}

void Writer::process(Connection &connection, std::deque<Job> jobs)
{
    std::vector<Result<>> results;
    results.reserve(jobs.size());
    if (!runTogether(connection, jobs, results)) {
        results.clear();
        for (const Job &job : jobs)
            results.push_back(runAlone(connection, job));
    }
    std::vector<Answer> answers;
    answers.reserve(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i)
        answers.push_back({std::move(jobs[i]), std::move(results[i])});
    deliver(std::move(answers));
}

bool Writer::runTogether(Connection &connection, const std::deque<Job> &jobs,
                         std::vector<Result<>> &results)
{
    if (const auto begun = connection.run(QStringLiteral("BEGIN IMMEDIATE")); !begun) {
        qCWarning(log, "%s", qUtf8Printable(begun.error().message));
        return false;
    }
    for (const Job &job : jobs) {
        Result<> done = job.run(connection);
        if (!done && done.error().code == ErrorCode::StorageUnavailable) {
            rollBack(connection);
            return false;
        }
        results.push_back(std::move(done));
    }
    crashPoint("writer.before_commit");
    if (const auto committed = connection.run(QStringLiteral("COMMIT")); !committed) {
        qCWarning(log, "%s", qUtf8Printable(committed.error().message));
        rollBack(connection);
        return false;
    }
    crashPoint("writer.after_commit");
    return true;
}

Result<> Writer::runAlone(Connection &connection, const Job &job)
{
    if (const auto begun = connection.run(QStringLiteral("BEGIN IMMEDIATE")); !begun)
        return fail(begun.error());
    const Result<> done = job.run(connection);
    if (!done) {
        rollBack(connection);
        return done;
    }
    if (const auto committed = connection.run(QStringLiteral("COMMIT")); !committed) {
        rollBack(connection);
        return fail(committed.error());
    }
    return {};
}

void Writer::rollBack(Connection &connection)
{
    // After some failures SQLite has rolled back already, and then says so: nothing is lost by it.
    if (const auto undone = connection.run(QStringLiteral("ROLLBACK")); !undone)
        qCInfo(log, "%s", qUtf8Printable(undone.error().message));
    if (const Result<> reread = m_rolledBack(connection); !reread)
        qCCritical(log, "%s", qUtf8Printable(reread.error().message));
}

void Writer::closing(Connection &connection)
{
    const Result<> done = connection.queryOnce(QStringLiteral("PRAGMA wal_checkpoint(TRUNCATE)"),
                                               {}, [](const Row &) {});
    if (!done)
        qCWarning(log, "%s", qUtf8Printable(done.error().message));
}

Reader::~Reader()
{
    stop();
}

void Reader::process(Connection &connection, std::deque<Job> jobs)
{
    for (Job &job : jobs) {
        Result<> done = job.run(connection);
        std::vector<Answer> answer;
        answer.push_back({std::move(job), std::move(done)});
        deliver(std::move(answer));
    }
}

}  // namespace celldeck::storage
