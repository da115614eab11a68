#include "storage/connectionthread.h"

#include <QPointer>
#include <future>

#include "async/turn.h"

namespace celldeck::storage {

namespace {

// Bounds how long the first job of a batch waits for its commit, and the size of a rerun.
constexpr size_t MaxBatch = 512;

constexpr auto IdleAfter = std::chrono::seconds(2);

}  // namespace

Job::~Job() = default;

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
    opening(**connection);
    for (Jobs jobs = takeJobs(**connection); !jobs.empty(); jobs = takeJobs(**connection))
        process(**connection, std::move(jobs));
    closing(**connection);
}

Jobs ConnectionThread::takeJobs(Connection &connection)
{
    const auto isNeeded = [this] { return (!m_jobs.empty() && m_holds == 0) || !m_accepts; };
    std::unique_lock lock(m_mutex);
    if (!m_changed.wait_for(lock, IdleAfter, isNeeded)) {
        lock.unlock();
        idle(connection);
        lock.lock();
        m_changed.wait(lock, isNeeded);
    }
    if (m_jobs.size() <= MaxBatch)
        return std::exchange(m_jobs, {});
    Jobs jobs;
    const auto end = m_jobs.begin() + std::ptrdiff_t(MaxBatch);
    std::move(m_jobs.begin(), end, std::back_inserter(jobs));
    m_jobs.erase(m_jobs.begin(), end);
    return jobs;
}

bool ConnectionThread::takeMore(Jobs &jobs, std::chrono::steady_clock::time_point latest)
{
    const auto isNeeded = [this] {
        return (!m_jobs.empty() && m_holds == 0) || !m_isAnswering || !m_accepts;
    };
    std::unique_lock lock(m_mutex);
    m_waitsForAnswers = true;
    m_changed.wait_until(lock, latest, isNeeded);
    m_waitsForAnswers = false;
    if (m_jobs.empty() || m_holds > 0 || jobs.size() + m_jobs.size() > MaxBatch)
        return false;
    std::ranges::move(m_jobs, std::back_inserter(jobs));
    m_jobs.clear();
    return true;
}

void ConnectionThread::add(std::unique_ptr<Job> job)
{
    bool wasIdle = false;
    {
        const std::scoped_lock lock(m_mutex);
        if (m_accepts) {
            wasIdle = m_jobs.empty() && m_holds == 0;
            m_jobs.push_back(std::move(job));
        }
    }
    // Only then can it be asleep; and without the lock, which it would wait for at once.
    if (wasIdle)
        m_changed.notify_one();
    if (job)
        job->answer(fail(ErrorCode::StorageUnavailable, QStringLiteral("the database is closed")));
}

void ConnectionThread::beginHold()
{
    const std::scoped_lock lock(m_mutex);
    ++m_holds;
}

void ConnectionThread::endHold()
{
    bool isDue = false;
    {
        const std::scoped_lock lock(m_mutex);
        isDue = --m_holds == 0 && !m_jobs.empty();
    }
    if (isDue)
        m_changed.notify_one();
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
    while (answerNext()) {
    }
}

void ConnectionThread::deliver(std::vector<Answer> answers)
{
    const std::scoped_lock lock(m_mutex);
    std::ranges::move(answers, std::back_inserter(m_answers));
    callOwner();
}

void ConnectionThread::tell(std::function<void()> news)
{
    const std::scoped_lock lock(m_mutex);
    m_news.push_back(std::move(news));
    callOwner();
}

void ConnectionThread::callOwner()
{
    if (std::exchange(m_isOwnerCalled, true))
        return;
    QMetaObject::invokeMethod(&m_anchor, [this] { answerInTurns(); }, Qt::QueuedConnection);
}

void ConnectionThread::answerInTurns()
{
    const QPointer<QObject> self(&m_anchor);  // what an answer leads to may be our end
    std::size_t left = 1;                     // perhaps there are only news
    {
        const std::scoped_lock lock(m_mutex);
        m_isOwnerCalled = false;
        left = std::max(left, m_answers.size());
        m_isAnswering = left > 1;  // what a single one leads to comes at once
    }
    // A turn each: what the first leads to is on its way to the thread while the second is given.
    do {
        const Turn turn;
        answerNext();
    } while (self && --left > 0);
    if (!self)
        return;
    {
        const std::scoped_lock lock(m_mutex);
        if (!std::exchange(m_isAnswering, false) || !m_waitsForAnswers)
            return;
    }
    m_changed.notify_one();
}

bool ConnectionThread::answerNext()
{
    std::vector<std::function<void()>> news;
    std::optional<Answer> answer;
    {
        const std::scoped_lock lock(m_mutex);
        news.swap(m_news);
        if (!m_answers.empty()) {
            answer = std::move(m_answers.front());
            m_answers.pop_front();
        }
    }
    for (const auto &one : news)
        one();
    if (answer)
        answer->job->answer(std::move(answer->result));
    return answer.has_value();
}

}  // namespace celldeck::storage
