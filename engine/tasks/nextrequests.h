#pragma once

#include <QTimer>
#include <deque>
#include <functional>
#include <optional>

#include "async/taskscope.h"
#include "async/waiter.h"
#include "storage/taskstore.h"
#include "tasks/waitingline.h"

namespace celldeck::tasks {

/// The requests that a session sends next, announced on disk while the cell before them still runs:
/// so one can leave the moment that one has ended, with no commit between the two. What may have
/// left is so on disk at any time, as `running` would be.
///
/// One is announced. Where a cell ends before what lies behind it is on disk, twice as many, up to
/// 8: so it is the kernel that says how fast short cells run, and not the disk. While a cell runs
/// for longer than 50 ms they are taken back: after a loss of power a task that was announced
/// counts as begun (when only the engine was killed, kernels/sentnote.h knows).
///
/// Owned by a Session. Thread: the engine's. Stopping: `withdraw()`; on disk before its store is
/// closed.
class NextRequests final
{
public:
    explicit NextRequests(storage::TaskStore &store);

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
    enum class Disk { KeepsUp, IsBehind };
    /// `disk`: whether it has what came of the cells before that one.
    void cellEnded(Disk disk);
    /// What was announced of that task, now the caller's to send; nullopt if another one was to be
    /// the next, which is taken back with all others, or none.
    [[nodiscard]] std::optional<Announced> take(storage::TaskId task);
    /// All of them.
    void withdraw();
    /// How many are announced at a time, now.
    [[nodiscard]] qsizetype depth() const { return m_depth; }

private:
    QCoro::Task<> takeBack(storage::TaskId task);

    storage::TaskStore &m_store;
    std::deque<Announced> m_announced;
    qsizetype m_depth = 1;
    QTimer m_unused;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
