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
    /// them or none; while answers are given it waits for such until `latest`, as most jobs come of
    /// answers.
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
    bool m_isAnswering = false;  // in the owner's thread: more jobs may come of it
    int m_holds = 0;
    bool m_accepts = false;
    std::thread m_thread;
};

/// What the writer watches, and whom it tells: in the thread of the Database's owner.
struct StorageWatch
{
    /// Of the log (WAL): only a reader that never ends can let it grow so far.
    std::int64_t largestLogBytes = 64LL << 20U;
    std::function<void(std::int64_t logBytes)> logIsLarge = {};
    /// Of what the database holds.
    std::int64_t largestBytes = 1LL << 30U;
    std::function<void()> databaseIsLarge = {};
};

/// Group commit: whatever waits, or comes before the commit, goes into one transaction, and is
/// answered after it. So a batch grows by itself while the disk is slow or the load is high.
///
/// A job that fails with anything but StorageUnavailable must have changed nothing. If one fails
/// with that, or the commit does, all is rolled back, `rolledBack` is told, and the jobs run again,
/// each in a transaction of its own: so one bad job harms nobody else. While `rolledBack` itself
/// fails, every job is refused: what the stores keep in memory would be wrong.
///
/// A commit whose fsync fails has its frames in the WAL all the same. They are never read again by
/// us, but by whoever opens the file after a kill: a task that was refused would be there, and run.
/// So they are written over at once, and without an fsync, which may fail as well. Nothing else has
/// to be doubted, so the connection stays: the kernel drops what it could not write after a failed
/// fsync, and takes the next one for good (lwn.net/Articles/752063), but the frames that were
/// acknowledged had an fsync of their own, and the next commit begins where they end: what it needs
/// is written and synced anew, to the page that it shares with them. A checkpoint that fails is
/// repeated from the WAL's first frame that no checkpoint has copied and synced.
///
/// After the answers it moves the log into the database file, whenever that has a megabyte, and
/// when nothing comes any more; and looks how large both have become.
class Writer final : public ConnectionThread
{
public:
    struct Listener
    {
        /// Thread: the connection's.
        std::function<Result<>(Connection &)> rolledBack;
        /// What the disk has refused with, after every batch; nullopt: nothing more. Thread: the
        /// owner's.
        std::function<void(std::optional<Error>)> wrote;
    };

    explicit Writer(Listener listener);
    ~Writer() override;

    /// Requires: before `start`.
    void setWatch(StorageWatch watch) { m_watch = std::move(watch); }

private:
    void process(Connection &connection, Jobs jobs) override;
    void opening(Connection &connection) override;
    void idle(Connection &connection) override;
    void closing(Connection &connection) override;
    /// Since the last checkpoint.
    [[nodiscard]] std::int64_t newLogPages(const Connection &connection);
    void checkpoint(Connection &connection);
    void lookAtSizes(Connection &connection, std::int64_t logPages);
    std::vector<Result<>> runAll(Connection &connection, Jobs &jobs);
    bool runTogether(Connection &connection, Jobs &jobs, std::vector<Result<>> &results);
    Result<> runAlone(Connection &connection, Job &job);
    Result<> commit(Connection &connection);
    void rollBack(Connection &connection);
    void tryAgain(Connection &connection);
    void reread(Connection &connection);
    void report(std::optional<Error> fault);

    const Listener m_listener;
    bool m_failing = false;            // as was told
    std::optional<Error> m_notReread;  // what the stores keep is not what is on disk
    StorageWatch m_watch;
    std::int64_t m_checkpointedPages = 0;  // the log's length then
    bool m_logWasLarge = false;
    std::int64_t m_tellAtBytes = 0;
};

/// Runs each job by itself on a read-only connection, so that no read holds the WAL for long.
class Reader final : public ConnectionThread
{
public:
    /// `damaged` is told what a read has met. Thread: the owner's.
    explicit Reader(std::function<void(Error)> damaged);
    ~Reader() override;

private:
    void process(Connection &connection, Jobs jobs) override;

    const std::function<void(Error)> m_damaged;
};

}  // namespace celldeck::storage
