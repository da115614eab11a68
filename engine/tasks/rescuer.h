#pragma once

#include <QObject>
#include <functional>
#include <map>

#include "async/taskscope.h"
#include "storage/stores.h"
#include "tasks/recovery.h"
#include "tasks/session.h"

namespace celldeck::tasks {

/// Brings the queue from what is on disk back to life, once, before anything is submitted:
/// DESIGN.md section 6. Ends tasks that cannot be followed as interrupted, with what they had
/// printed, and gives notebooks the results that had not come into their files yet.
///
/// Owned by a TaskQueue. Thread: the engine's. Stopping: with its owner.
class Rescuer final
{
public:
    using SessionOf = std::function<Session &(const QString &notebookPath)>;

    Rescuer(storage::Stores &stores, const Clock &clock, QString runtimeDirectory,
            SessionOf sessionOf);

    /// Fails with StorageUnavailable. `unfinished` is called for each task that lives on, before
    /// its session has it.
    [[nodiscard]] QCoro::Task<Result<RescueReport>> run(
        Recovery recovery, std::function<void(const storage::TaskRecord &)> unfinished);

private:
    struct Left;

    QCoro::Task<Result<>> rescue(Left left, Recovery recovery);
    QCoro::Task<Result<Left>> settle(Left left);
    QCoro::Task<Result<>> rememberShown(Left left);
    QCoro::Task<Result<>> endRunning(Left left);
    QCoro::Task<Result<QList<storage::TaskRecord>>> loseKernel(Left left, Recovery recovery);
    QCoro::Task<Result<>> interrupt(storage::TaskRecord task, QString why);
    QCoro::Task<Result<QList<storage::TaskDraft>>> replays(storage::KernelRecord lost);
    QCoro::Task<Result<>> writeAgain(QString notebookPath);

    storage::Stores &m_stores;
    const Clock &m_clock;
    const QString m_runtimeDirectory;
    const SessionOf m_sessionOf;
    std::function<void(const storage::TaskRecord &)> m_unfinished;
    RescueReport m_report;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
