#pragma once

#include <memory>

#include "async/taskscope.h"
#include "engine/engine.h"
#include "hostwatch.h"
#include "progress.h"
#include "runplan.h"
#include "runqueue.h"
#include "signalwatcher.h"

namespace celldeck::app {

/// Runs a plan, one notebook after the other: through the engine that hosts the data folder, or,
/// with none there, through one of its own. Behind a host that others cannot work through, such as
/// another `celldeck run`, it waits for its turn.
///
/// Owned by the command, and lives as long as it. Thread: main.
class Runner final : public QObject
{
    Q_OBJECT

public:
    /// The options are those of an engine of its own.
    Runner(EngineOptions options, Progress::Form form);

    /// The exit code. Runs the event loop.
    [[nodiscard]] int run(QList<PlannedRun> plan);

private:
    QCoro::Task<> runAll(QList<PlannedRun> plan);
    QCoro::Task<Result<>> openQueue();
    void makeQueue();
    QCoro::Task<Result<QList<storage::TaskDraft>>> replays(PlannedRun plan);
    QCoro::Task<> runOne(PlannedRun plan);
    void judge(const storage::TaskRecord &ended, bool stopOnError, storage::TaskState &worst);
    QCoro::Task<Result<>> write(PlannedRun plan, QList<storage::TaskRecord> submitted);
    void interrupt();
    void raise(int code);
    void note(const Error &error);

    const EngineOptions m_options;
    Progress m_progress;
    HostWatch m_host;
    std::unique_ptr<RunQueue> m_queue;
    SignalWatcher m_signals;
    QList<storage::TaskRecord> m_unfinished;
    Waiter<> m_interrupt;
    int m_exitCode;
    TaskScope m_scope;
};

}  // namespace celldeck::app
