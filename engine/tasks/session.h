#pragma once

#include <QObject>
#include <QTimer>
#include <deque>
#include <memory>

#include "async/taskscope.h"
#include "async/waiter.h"
#include "kernels/kernel.h"
#include "storage/taskstore.h"
#include "tasks/displaybook.h"
#include "tasks/outcome.h"
#include "tasks/resultwriter.h"

namespace celldeck::tasks {

struct SessionOptions
{
    QString runtimeDirectory;  ///< For kernel connection files
    Milliseconds kernelStartLimit{60'000};
    Milliseconds shutdownGrace{5'000};
};

/// One notebook's kernel and the tasks that wait for it, run one after the other in the order of
/// their ids. Each step is on disk before the next: running before the request leaves, outputs and
/// final state before anyone is told.
///
/// Owned by the TaskQueue. Thread: the engine's. Stopping: `stop()` ends the running task as
/// interrupted with what it had printed, leaves pending ones pending, writes what the notebook
/// still lacks, and shuts the kernel down.
class Session final : public QObject
{
    Q_OBJECT

public:
    Session(QString notebookPath, storage::TaskStore &store, const Clock &clock,
            SessionOptions options);
    ~Session() override;

    /// Takes tasks that are pending on disk.
    void enqueue(const QList<storage::TaskRecord> &tasks);
    /// Resolves when there is a kernel that is ready; an existing one is kept. Fails with NoKernel.
    [[nodiscard]] Waiter<> startKernel(const QString &kernelName);
    /// Ends the running task as interrupted and the pending ones as cancelled, then the kernel.
    [[nodiscard]] Waiter<> stopKernel();
    /// Asks a task to end as cancelled. Fails with NotFound if it is not here.
    [[nodiscard]] Waiter<> cancel(storage::TaskId id);
    [[nodiscard]] Waiter<> stop();

    /// Null while there is none.
    [[nodiscard]] const kernels::Kernel *kernel() const { return m_kernel.get(); }
    /// The outputs so far of that task, if it is the one that runs.
    [[nodiscard]] Json liveOutputs(storage::TaskId id) const;

Q_SIGNALS:
    /// After the commit, and only then.
    void taskChanged(const celldeck::storage::TaskRecord &task);
    void outputsChanged(celldeck::storage::TaskId id, const celldeck::Json &outputs);
    /// Something went wrong that belongs to no task, e.g. the notebook could not be written.
    void failed(const QString &message);

private:
    QCoro::Task<> work();
    QCoro::Task<> runTask(storage::TaskRecord task);
    QCoro::Task<bool> begin(storage::TaskRecord task, QByteArray messageId);
    QCoro::Task<> finish(storage::TaskRecord task, storage::TaskOutcome outcome);
    /// The end of a task that completed goes into the same commit as the beginning of the one
    /// behind it: one fsync a cell instead of two.
    QCoro::Task<> finishBesideTheNext(storage::TaskRecord task, storage::TaskOutcome outcome,
                                      Waiter<> finished);
    QCoro::Task<> showAnew(QList<kernels::OutputCollector::DisplayUpdate> updates);
    QCoro::Task<> finishPending(QList<storage::TaskRecord> tasks, QString error);
    QCoro::Task<> launch(QString kernelName, Waiter<> ready);
    QCoro::Task<> cancelPending(storage::TaskRecord task, Waiter<> done);
    QCoro::Task<> endKernel(Waiter<> done);
    QCoro::Task<> end(Waiter<> done);

    void endRunning(End why);
    void handleGraceOver();
    [[nodiscard]] QList<storage::TaskRecord> takeBatch(const storage::TaskRecord &task);
    void announce(const storage::TaskRecord &task, const storage::TaskOutcome &outcome);

    const QString m_path;
    storage::TaskStore &m_store;
    const Clock &m_clock;
    const SessionOptions m_options;
    std::deque<storage::TaskRecord> m_pending;
    std::optional<storage::TaskRecord> m_current;
    bool m_executing = false;  // the current task's request has left
    End m_end = End::None;
    Waiter<> m_ended;                              // of the current task
    Waiter<> m_finished = Waiter<>::resolved({});  // the end of the task before it is on disk
    std::unique_ptr<kernels::Kernel> m_kernel;
    std::optional<Waiter<>> m_launch;
    QTimer m_limit;  // of the task that runs
    QTimer m_grace;  // after an interrupt that the cell ignores
    bool m_stopping = false;
    Waiter<> m_wake;
    Waiter<> m_stopped;
    DisplayBook m_displays;
    ResultWriter m_results;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
