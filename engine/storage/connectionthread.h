#pragma once

#include <QObject>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "storage/connection.h"

namespace celldeck::storage {

/// A piece of work on a connection.
class Job
{
public:
    Job() = default;
    virtual ~Job();
    Job(const Job &) = delete;
    Job &operator=(const Job &) = delete;

    /// Thread: the connection's. May be called twice: after a rollback.
    virtual Result<> run(Connection &connection) = 0;
    /// What came of it. Thread: that of the object that owns the ConnectionThread.
    virtual void answer(Result<> outcome) = 0;
};
using Jobs = std::deque<std::unique_ptr<Job>>;

/// A thread with one connection, and a queue of jobs before it. `process` says what is done with
/// those that wait. Answers go back to the thread that made this object, in the order of the jobs.
///
/// Owned by the Database. Stopping: `stop()` refuses new jobs, finishes those that were taken, lets
/// `closing` run, joins and delivers the last answers before it returns.
class ConnectionThread
{
public:
    ConnectionThread();
    virtual ~ConnectionThread();
    ConnectionThread(const ConnectionThread &) = delete;
    ConnectionThread &operator=(const ConnectionThread &) = delete;

    /// Opens the connection in the new thread and waits for that; `prepare` runs on it first.
    [[nodiscard]] Result<> start(const QString &file, Connection::Mode mode,
                                 std::function<Result<>(Connection &)> prepare);
    /// A job after `stop` is answered with StorageUnavailable.
    void add(std::unique_ptr<Job> job);

    /// While one lives, the thread takes no job that came since: they are taken together.
    class Hold
    {
    public:
        explicit Hold(ConnectionThread &thread) : m_thread(thread) { m_thread.beginHold(); }
        ~Hold() { m_thread.endHold(); }
        Hold(const Hold &) = delete;
        Hold &operator=(const Hold &) = delete;

    private:
        ConnectionThread &m_thread;
    };
    /// Requires: short, and never over a wait.
    [[nodiscard]] Hold hold() { return Hold(*this); }
    void stop();

protected:
    /// The job goes back whole, so that what it holds ends in the thread that made it.
    struct Answer
    {
        std::unique_ptr<Job> job;
        Result<> result;
    };
    /// Thread: the connection's, of these four. `jobs` is never empty.
    virtual void process(Connection &connection, Jobs jobs) = 0;
    virtual void opening(Connection &) {}
    /// Nothing has come for a while: once after each time that something had.
    virtual void idle(Connection &) {}
    virtual void closing(Connection &) {}
    /// To be called by `process`, of these three. Appends the jobs that have come since, all of
    /// them or none; while several answers are given it waits for such until `latest`, as most jobs
    /// come of answers.
    [[nodiscard]] bool takeMore(Jobs &jobs, std::chrono::steady_clock::time_point latest);
    void deliver(std::vector<Answer> answers);
    /// Runs a function in the owner's thread, before the answers that have not been given yet.
    void tell(std::function<void()> news);

private:
    void run(const QString &file, Connection::Mode mode,
             const std::function<Result<>(Connection &)> &prepare,
             const std::function<void(Result<>)> &opened);
    [[nodiscard]] Jobs takeJobs(Connection &connection);
    /// Requires: the lock.
    void callOwner();
    void answerInTurns();
    /// Gives the news, and the next answer; false if there was none.
    bool answerNext();
    void beginHold();
    void endHold();

    QObject m_anchor;  // in the owner's thread: where answers arrive
    std::mutex m_mutex;
    std::condition_variable m_changed;
    Jobs m_jobs;
    // On their way to the owner's thread.
    std::vector<std::function<void()>> m_news;
    std::deque<Answer> m_answers;
    bool m_isOwnerCalled = false;
    bool m_isAnswering = false;      // several, in the owner's thread: more jobs may come
    bool m_waitsForAnswers = false;  // a batch, until they are given
    int m_holds = 0;
    bool m_accepts = false;
    std::thread m_thread;
};

}  // namespace celldeck::storage
