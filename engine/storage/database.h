#pragma once

#include <QString>
#include <functional>
#include <memory>

#include "async/waiter.h"
#include "storage/health.h"
#include "storage/reader.h"
#include "storage/writer.h"

namespace celldeck::storage {

/// A job whose result somebody waits for.
template <class T>
class WaitedJob final : public Job
{
public:
    explicit WaitedJob(std::function<Result<T>(Connection &)> work) : m_work(std::move(work)) {}

    Result<> run(Connection &connection) override
    {
        m_result.emplace(m_work(connection));
        if (m_result->has_value())
            return {};
        Error error = m_result->error();
        // Found only now: nothing was stored, and the next start looks closer.
        if (error.code == ErrorCode::Damaged)
            error.code = ErrorCode::StorageUnavailable;
        return fail(error);
    }
    void answer(Result<> outcome) override
    {
        if (outcome)
            waiter.resolve(std::move(*m_result));
        else
            waiter.resolve(fail(std::move(outcome.error())));
    }

    const Waiter<T> waiter;

private:
    std::function<Result<T>(Connection &)> m_work;
    std::optional<Result<T>> m_result;
};

/// The database file: one thread that writes, one that reads, and the migrations before both. The
/// stores put their SQL through it and get waiters back.
///
/// Owned by the engine, made before the stores and closed after them. Thread: the one that made it;
/// waiters resolve there. Stopping: `close()` refuses new work, drains, commits, checkpoints,
/// joins.
class Database final
{
public:
    explicit Database(QString file);
    ~Database();

    /// Called on the writer's connection when it opens and after every rollback: what a store keeps
    /// of the database in memory is read anew. Requires: before `open`.
    void onReread(std::function<Result<>(Connection &)> reread);

    /// Requires: before `open`. What it is told with lives as long as this.
    void setWatch(StorageWatch watch) { m_writer.setWatch(std::move(watch)); }

    /// Makes the folder (0700) and the file, migrates, checks, starts both threads. Blocks: called
    /// once, before anything else runs. A damaged file, and one of which the disk gives only a
    /// part, is set aside, and what of it can still be read is taken over: see `notice()`. Fails
    /// with StorageUnavailable or NewerSchema.
    [[nodiscard]] Result<> open();
    /// What an operator has to know about the opening; "" if there is nothing.
    [[nodiscard]] const QString &notice() const { return m_notice; }
    /// Blocks until all that was taken is on disk. May be called twice.
    void close();

    [[nodiscard]] const QString &file() const { return m_file; }
    [[nodiscard]] const Health &health() const { return m_health; }

    /// `job` runs in the writer's thread, inside a transaction with others; the waiter resolves
    /// after the commit. A job that fails must have changed nothing, or fail with
    /// StorageUnavailable; it may run twice. Refused once damage was found.
    template <class T>
    [[nodiscard]] Waiter<T> write(std::function<Result<T>(Connection &)> job)
    {
        if (m_health.isDamaged())
            return Waiter<T>::resolved(damagedError());
        return submit<T>(m_writer, std::move(job));
    }
    /// Until it goes, the writer begins nothing: what is asked for meanwhile is one commit.
    [[nodiscard]] ConnectionThread::Hold holdWrites() { return m_writer.hold(); }
    /// `job` runs in the reader's thread.
    template <class T>
    [[nodiscard]] Waiter<T> read(std::function<Result<T>(Connection &)> job)
    {
        return submit<T>(m_reader, std::move(job));
    }

private:
    template <class T>
    static Waiter<T> submit(ConnectionThread &thread, std::function<Result<T>(Connection &)> work)
    {
        auto job = std::make_unique<WaitedJob<T>>(std::move(work));
        const Waiter<T> waiter = job->waiter;
        thread.add(std::move(job));
        return waiter;
    }

    Result<> openOnce();
    Result<> rereadAll(Connection &connection) const;
    Result<> salvage(const Error &damage);
    [[nodiscard]] bool isKnownDamaged() const;
    [[nodiscard]] bool lacksSectors() const;
    [[nodiscard]] Result<> damagedBefore() const;
    void noteDamage(const Error &damage);
    void tryAgain();
    [[nodiscard]] std::unexpected<Error> damagedError() const;

    QString m_file;
    QString m_notice;
    std::vector<std::function<Result<>(Connection &)>> m_reread;
    Health m_health;
    Writer m_writer;
    Reader m_reader;
};

}  // namespace celldeck::storage
