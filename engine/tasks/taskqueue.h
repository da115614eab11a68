#pragma once

#include <QObject>
#include <map>
#include <memory>

#include "tasks/rescuer.h"
#include "tasks/session.h"

namespace celldeck::tasks {

/// Every task, on its way from the submission to its end: stores it, hands it to its notebook's
/// session, and tells whoever waits. What it promises is in DESIGN.md section 5: a task that this
/// has acknowledged is on disk; a task runs at most once; its end is on disk before it is told.
///
/// Answers are waiters, resolved whether or not anybody still waits: the end of a caller ends its
/// wait, and never the work.
///
/// Owned by the engine. Thread: the engine's. Stopping: `stop()` ends what runs as interrupted,
/// keeps what is pending, and ends all kernels.
class TaskQueue final : public QObject
{
    Q_OBJECT

public:
    TaskQueue(storage::Stores &stores, const Clock &clock, SessionOptions options);
    ~TaskQueue() override;

    /// Takes up what the last engine has left: see Rescuer. Requires: called once, before the first
    /// submission. Fails with StorageUnavailable.
    [[nodiscard]] Waiter<RescueReport> recover(Recovery recovery);

    /// Resolves after the commit, with one record a draft. Fails as TaskStore::insert does.
    [[nodiscard]] Waiter<QList<storage::TaskRecord>> submit(QList<storage::TaskDraft> drafts,
                                                            storage::Actor by = {});

    /// Takes over tasks of another server: see TaskStore::importTasks. Those that are pending run
    /// behind what waits, in their order.
    [[nodiscard]] Waiter<storage::ImportReport> importTasks(QList<storage::ImportedTask> imported,
                                                            storage::AuditNote note);

    /// Resolves when the task is final, at once if it is already. Fails with NotFound.
    [[nodiscard]] Waiter<storage::TaskRecord> finished(storage::TaskId id);

    /// Resolves when the task has ended. Fails with NotFound if it waits or runs no more.
    [[nodiscard]] Waiter<> cancel(storage::TaskId id, storage::Actor by = {});
    /// Of one notebook: all that wait, and the one that runs. Resolves with their ids.
    [[nodiscard]] Waiter<QList<storage::TaskId>> cancelAll(const QString &notebookPath,
                                                           storage::Actor by = {});

    /// While paused, no further task begins; path "": of all notebooks. Kept across restarts.
    [[nodiscard]] Waiter<> setFlow(const QString &notebookPath, storage::Flow flow,
                                   storage::Actor by = {});
    [[nodiscard]] const storage::QueueOrders &orders() const { return m_orders; }
    [[nodiscard]] Waiter<> setOnError(const QString &notebookPath, storage::OnError onError,
                                      storage::Actor by = {});
    /// As Session's. Fails with NotFound.
    [[nodiscard]] Waiter<> move(storage::TaskId id, qsizetype position, storage::Actor by = {});

    /// Resolves when the task no longer waits for its turn, at once if it is unknown here. One that
    /// runs already resolves with its end: look at its state after this call.
    [[nodiscard]] Waiter<> begun(storage::TaskId id);
    /// Resolves when the task is final or waits for input, at once if it is already, or unknown.
    [[nodiscard]] Waiter<> finishedOrAsking(storage::TaskId id);

    /// As Session's.
    [[nodiscard]] Waiter<> startKernel(const QString &notebookPath, const QString &kernelName,
                                       const KernelSetup &setup = {}, storage::Actor by = {});
    [[nodiscard]] Waiter<> stopKernel(const QString &notebookPath, storage::Actor by = {});
    [[nodiscard]] Waiter<> stop();

    /// Null while that notebook has none. Both are not to be kept across a wait.
    [[nodiscard]] const kernels::Kernel *kernel(const QString &notebookPath) const;
    [[nodiscard]] Session *find(const QString &notebookPath) const;
    [[nodiscard]] QList<SessionStatus> sessions() const;
    [[nodiscard]] kernels::OrphanBuffer &orphans() { return m_pool.orphans(); }
    [[nodiscard]] const Json &liveOutputs(const QString &notebookPath, storage::TaskId id) const;

Q_SIGNALS:
    /// A task is new, or its state has changed: after the commit.
    void taskChanged(const celldeck::storage::TaskRecord &task);
    void outputsChanged(celldeck::storage::TaskId id, const celldeck::Json &outputs);
    /// The cell of that task asks for input and waits.
    void inputRequested(const celldeck::storage::TaskRecord &task,
                        const celldeck::kernels::InputRequest &request);
    void inputAnswered(const celldeck::storage::TaskRecord &task);
    void failed(const QString &message);

private:
    QCoro::Task<> insert(QList<storage::TaskDraft> drafts, storage::Actor by,
                         Waiter<QList<storage::TaskRecord>> answer);
    QCoro::Task<> import(QList<storage::ImportedTask> imported, storage::AuditNote note,
                         Waiter<storage::ImportReport> answer);
    using Fresh = QList<storage::TaskRecord>;
    /// Those that nobody has on the way yet.
    [[nodiscard]] Fresh announceNew(const QList<storage::TaskRecord> &tasks);
    void enqueue(Fresh fresh);
    QCoro::Task<> lookUp(storage::TaskId id, Waiter<storage::TaskRecord> answer);
    QCoro::Task<> rescue(Recovery recovery, Waiter<RescueReport> done);
    QCoro::Task<> applyFlow(QString notebookPath, storage::Flow flow, storage::Actor by,
                            Waiter<> done);
    QCoro::Task<> applyOnError(QString notebookPath, storage::OnError onError, storage::Actor by,
                               Waiter<> done);
    [[nodiscard]] storage::Flow flowOf(const QString &notebookPath) const;
    QCoro::Task<> stopSessions(Waiter<> done);
    Session &session(const QString &notebookPath);
    void handleChange(const storage::TaskRecord &task);
    void handleInput(const storage::TaskRecord &task, const kernels::InputRequest &request);

    storage::Stores &m_stores;
    const Clock &m_clock;
    const SessionOptions m_options;
    bool m_begun = false;  // its end is to be recorded
    bool m_stopping = false;
    storage::QueueOrders m_orders;
    std::map<storage::TaskId, QString> m_unfinished;  // and its notebook
    std::map<storage::TaskId, Waiter<storage::TaskRecord>> m_waited;
    std::map<storage::TaskId, Waiter<>> m_awaited;  // for their beginning
    std::map<storage::TaskId, Waiter<>> m_watched;  // for their end, or a question
    kernels::KernelPool m_pool;
    std::map<QString, std::unique_ptr<Session>> m_sessions;
    Rescuer m_rescuer;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
