#pragma once

#include <QHash>
#include <QSet>
#include <optional>

#include "async/waiter.h"
#include "base/clock.h"
#include "storage/audit.h"

namespace celldeck::storage {

class Database;

enum class Flow { Runs, Paused };

/// Whether a failed cell cancels what waits behind it.
enum class OnError {
    AsSubmitted,  ///< Each submission has said so itself.
    GoOn,
    Stop,  ///< All that waits in its notebook.
};

/// What operators have said about the queue; kept across restarts.
struct QueueOrders
{
    Flow flow = Flow::Runs;  ///< of all notebooks
    QSet<QString> pausedNotebooks;
    QHash<QString, OnError> onError;
};

/// The orders on disk, and whether the last engine came to its end in order.
///
/// Owned by the engine. Thread: the one that made it; waiters resolve there, after the commit.
/// Stopping: with its Database. Every call fails with StorageUnavailable when the disk refuses.
class QueueStore final
{
public:
    explicit QueueStore(Database &database) : m_database(database) {}

    [[nodiscard]] Waiter<QueueOrders> load();
    /// Path "": of all notebooks.
    [[nodiscard]] Waiter<> setFlow(QString notebookPath, Flow flow,
                                   std::optional<AuditNote> note = {});
    [[nodiscard]] Waiter<> setOnError(QString notebookPath, OnError onError,
                                      std::optional<AuditNote> note = {});

    /// An engine begins. Tells when the one before it had begun, if that one did not come to `end`.
    [[nodiscard]] Waiter<std::optional<UtcTime>> begin(UtcTime now);
    [[nodiscard]] Waiter<> end();

private:
    Database &m_database;
};

}  // namespace celldeck::storage
