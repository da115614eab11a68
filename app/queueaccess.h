#pragma once

#include <memory>

#include "endpointclient.h"
#include "engine/engine.h"
#include "storage/importedtask.h"

namespace celldeck::app {

/// What commands change in a queue: through the engine that runs on its data folder, or, with none
/// running, by themselves on the database.
///
/// Owned by a command. Thread: one with an event loop. Stopping: `close()`.
class QueueAccess final
{
public:
    explicit QueueAccess(QString dataDirectory);
    ~QueueAccess();

    /// Fails with StorageUnavailable or NewerSchema.
    [[nodiscard]] QCoro::Task<Result<>> open();
    QCoro::Task<> close();

    /// The task as it is now: {task_id, status, …}. Fails with NotFound.
    [[nodiscard]] QCoro::Task<Result<Answer>> cancel(QString task);
    /// The new task; with no engine running it waits for the next one. Fails with NotFound, or
    /// Conflict if the task has not ended.
    [[nodiscard]] QCoro::Task<Result<Answer>> replay(QString task);
    /// {tasks, cells, bytes_before, bytes_after}
    [[nodiscard]] QCoro::Task<Result<Answer>> cleanUp(storage::Retention retention,
                                                      storage::CleanupMode mode);

    /// {imported, pending, present, skipped: [{task_id, why}]}. `begun` is that of the whole
    /// import, and `source` its file.
    [[nodiscard]] QCoro::Task<Result<Answer>> importTasks(QList<storage::ImportedTask> imported,
                                                          QString source, UtcTime begun);

    /// Whether no engine runs, so that what waits runs only later.
    [[nodiscard]] bool isAlone() const { return m_engine != nullptr; }

private:
    const QString m_dataDirectory;
    std::unique_ptr<EndpointClient> m_client;
    std::unique_ptr<Engine> m_engine;
    TaskScope m_scope;
};

}  // namespace celldeck::app
