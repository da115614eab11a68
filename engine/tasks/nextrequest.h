#pragma once

#include <QTimer>
#include <optional>

#include "async/taskscope.h"
#include "async/waiter.h"
#include "storage/taskstore.h"

namespace celldeck::tasks {

/// The request that a session sends next, announced on disk while the cell before it still runs: so
/// it can leave the moment that one has ended, with no commit between the two. What may have left
/// is so on disk at any time, as `running` would be.
///
/// An announcement that is not used within 50 ms is taken back: after a loss of power a task that
/// was announced counts as begun (when only the engine was killed, kernels/sentnote.h knows).
///
/// Owned by a Session. Thread: the engine's. Stopping: `withdraw()`; on disk before its store is
/// closed.
class NextRequest final
{
public:
    explicit NextRequest(storage::TaskStore &store);

    struct Announced
    {
        storage::TaskId task;
        QByteArray messageId;
        Waiter<> onDisk;  ///< Before that it must not leave.
    };
    /// Another one that was not taken is taken back.
    void announce(storage::TaskId task, QByteArray messageId);
    /// What was announced of that task, now the caller's to send; nullopt if another one was, which
    /// is taken back, or none.
    [[nodiscard]] std::optional<Announced> take(storage::TaskId task);
    void withdraw();

private:
    QCoro::Task<> takeBack(storage::TaskId task);

    storage::TaskStore &m_store;
    std::optional<Announced> m_announced;
    QTimer m_unused;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
