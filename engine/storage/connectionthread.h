#pragma once

#include <QObject>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "storage/connection.h"

namespace celldeck::storage {

/// A piece of work on a connection.
struct Job
{
    /// Thread: the connection's.
    std::function<Result<>(Connection &)> run;
    /// What came of it. Thread: that of the object that owns the ConnectionThread.
    std::function<void(Result<>)> answer;
};

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
    void add(Job job);
    void stop();

protected:
    /// The job goes back whole, so that what it holds ends in the thread that made it.
    struct Answer
    {
        Job job;
        Result<> result;
    };
    /// Thread: the connection's. `jobs` is never empty.
    virtual void process(Connection &connection, std::deque<Job> jobs) = 0;
    virtual void closing(Connection &) {}
    /// To be called by `process`.
    void deliver(std::vector<Answer> answers);

private:
    void run(const QString &file, Connection::Mode mode,
             const std::function<Result<>(Connection &)> &prepare,
             const std::function<void(Result<>)> &opened);
    void giveAnswers();

    QObject m_anchor;  // in the owner's thread: where answers arrive
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<Job> m_jobs;
    std::vector<Answer> m_answers;  // on their way to the owner's thread
    bool m_accepts = false;
    std::thread m_thread;
};

/// Group commit: whatever waits goes into one transaction, and is answered after its commit. So a
/// batch grows by itself while the disk is slow or the load is high.
///
/// A job that fails with anything but StorageUnavailable must have changed nothing. If one fails
/// with that, or the commit does, all is rolled back, `rolledBack` is told, and the jobs run again,
/// each in a transaction of its own: so one bad job harms nobody else.
class Writer final : public ConnectionThread
{
public:
    explicit Writer(std::function<Result<>(Connection &)> rolledBack);
    ~Writer() override;

private:
    void process(Connection &connection, std::deque<Job> jobs) override;
    void closing(Connection &connection) override;
    bool runTogether(Connection &connection, const std::deque<Job> &jobs,
                     std::vector<Result<>> &results);
    Result<> runAlone(Connection &connection, const Job &job);
    void rollBack(Connection &connection);

    std::function<Result<>(Connection &)> m_rolledBack;
};

/// Runs each job by itself on a read-only connection, so that no read holds the WAL for long.
class Reader final : public ConnectionThread
{
public:
    ~Reader() override;

private:
    void process(Connection &connection, std::deque<Job> jobs) override;
};

}  // namespace celldeck::storage
