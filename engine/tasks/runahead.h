#pragma once

#include <QTimer>
#include <deque>
#include <functional>
#include <optional>
#include <set>

#include "async/taskscope.h"
#include "async/waiter.h"
#include "storage/taskstore.h"
#include "tasks/waitingline.h"

namespace celldeck::tasks {

/// How far the cells of a session run ahead of the disk. The requests that it sends next are
/// announced there while the cell before them still runs: so one can leave the moment that one has
/// ended, with no commit between the two. What may have left is so on disk at any time, as
/// `running` would be. And the ends of the cells before are on their way there.
///
/// That is one request, and no end but that of the cell before. Where a cell ends before the disk
/// is so far, it is twice as many, up to 8: so it is the kernel that says how fast short cells run,
/// and not the disk. When the engine is killed, what has left last is followed, and what has left
/// before it and has no end on disk ends as interrupted.
///
/// While a cell runs for longer than 50 ms the requests are taken back: after a loss of power a
/// task that was announced counts as begun (when only the engine was killed, kernels/sentnote.h
/// knows).
///
/// Owned by a Session. Thread: the engine's. Stopping: `withdraw()`; on disk before its store is
/// closed.
class RunAhead final
{
public:
    explicit RunAhead(storage::TaskStore &store);

    struct Announced
    {
        storage::TaskId task;
        QByteArray messageId;
        Waiter<> onDisk;  ///< Before that it must not leave.
    };
    /// Announces as many of those that run next as are due, in their order. Those that were
    /// announced, and are to run in another one, are taken back.
    void announce(const WaitingLine &waiting, const std::function<QByteArray()> &newMessageId);
    void cellBegan();
    void cellEnded();
    /// What was announced of that task, now the caller's to send; nullopt if another one was to be
    /// the next, which is taken back with all others, or none.
    [[nodiscard]] std::optional<Announced> take(storage::TaskId task);
    /// It is not sent after all: taken back, with all others.
    void giveBack(Announced announced);
    /// All of them.
    void withdraw();

    /// An end that resolves when it is on disk.
    void add(Waiter<> end) { m_ends.push_back(std::move(end)); }
    /// The one that was added last; resolved if none is on its way.
    [[nodiscard]] Waiter<> lastEnd() const;
    enum class Ends { WithinDepth, None };
    /// Waits until no more ends than that are on their way. Fails with Cancelled: the scope, which
    /// is that of whoever waits, has ended.
    [[nodiscard]] QCoro::Task<Result<>> wait(Ends left, const TaskScope &scope);

private:
    [[nodiscard]] bool areRecorded(qsizetype butFor);
    QCoro::Task<> takeBack(storage::TaskId task);

    storage::TaskStore &m_store;
    std::deque<Announced> m_announced;
    std::deque<Waiter<>> m_ends;  // on their way to the disk
    qsizetype m_depth = 1;        // how many of either, with that of the cell that has just ended
    std::set<storage::TaskId> m_takenBack;  // on their way to the disk
    QTimer m_longCell;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
