#pragma once

#include "storage/connectionthread.h"

namespace celldeck::storage {

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
/// After the answers the log is moved into the database file, whenever it has 4 MB, and when
/// nothing comes any more; then the writer looks how large both have become. Until its file has
/// been so long once, it is laid out in steps before commits come so far, or in one when nothing
/// comes.
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
    void layOut(Connection &connection, std::int64_t pages, Connection::Sync sync);
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
    std::int64_t m_laidOutPages = 0;       // of the log's file, at least
    bool m_logWasLarge = false;
    std::int64_t m_tellAtBytes = 0;
};

}  // namespace celldeck::storage
