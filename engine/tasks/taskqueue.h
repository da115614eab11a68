#pragma once

#include <QObject>
#include <map>
#include <memory>

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
    TaskQueue(storage::TaskStore &store, const Clock &clock, SessionOptions options);
    ~TaskQueue() override;

    /// Ends tasks that ran when the engine died as interrupted, and lets the pending ones run again
    /// in their order. Requires: called once, before the first submission.
    [[nodiscard]] Waiter<> recover();

    /// Resolves after the commit, with one record a draft. Fails as TaskStore::insert does.
    [[nodiscard]] Waiter<QList<storage::TaskRecord>> submit(QList<storage::TaskDraft> drafts);

    /// Resolves when the task is final, at once if it is already. Fails with NotFound.
    [[nodiscard]] Waiter<storage::TaskRecord> finished(storage::TaskId id);

    /// Resolves when the task has ended. Fails with NotFound if it waits or runs no more.
    [[nodiscard]] Waiter<> cancel(storage::TaskId id);

    /// As Session's. `kernelName` must name a kernelspec.
    [[nodiscard]] Waiter<> startKernel(const QString &notebookPath, const QString &kernelName);
    [[nodiscard]] Waiter<> stopKernel(const QString &notebookPath);
    [[nodiscard]] Waiter<> stop();

    /// Null while that notebook has none.
    [[nodiscard]] const kernels::Kernel *kernel(const QString &notebookPath) const;
    [[nodiscard]] Json liveOutputs(const QString &notebookPath, storage::TaskId id) const;

Q_SIGNALS:
    /// A task is new, or its state has changed: after the commit.
    void taskChanged(const celldeck::storage::TaskRecord &task);
    void outputsChanged(celldeck::storage::TaskId id, const celldeck::Json &outputs);
    void failed(const QString &message);

private:
    QCoro::Task<> insert(QList<storage::TaskDraft> drafts,
                         Waiter<QList<storage::TaskRecord>> answer);
    QCoro::Task<> lookUp(storage::TaskId id, Waiter<storage::TaskRecord> answer);
    QCoro::Task<> rescue(Waiter<> done);
    QCoro::Task<> stopSessions(Waiter<> done);
    Session &session(const QString &notebookPath);
    void handleChange(const storage::TaskRecord &task);

    storage::TaskStore &m_store;
    const Clock &m_clock;
    const SessionOptions m_options;
    bool m_stopping = false;
    std::map<storage::TaskId, QString> m_unfinished;  // and its notebook
    std::map<storage::TaskId, Waiter<storage::TaskRecord>> m_waited;
    std::map<QString, std::unique_ptr<Session>> m_sessions;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
