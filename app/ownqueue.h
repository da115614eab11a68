#pragma once

#include "async/taskscope.h"
#include "engine/engine.h"
#include "runqueue.h"

namespace celldeck::app {

/// The queue of an engine that lives as long as the run, and that nobody else can reach.
class OwnQueue final : public RunQueue
{
    Q_OBJECT

public:
    explicit OwnQueue(const EngineOptions &options);

    QCoro::Task<Result<>> open() override;
    QCoro::Task<> close() override;
    QCoro::Task<Result<QList<storage::TaskRecord>>> history(QString notebookPath,
                                                            int limit) override;
    QCoro::Task<Result<QList<storage::TaskRecord>>> submit(
        QList<storage::TaskDraft> drafts) override;
    QCoro::Task<Result<storage::TaskRecord>> finished(storage::TaskRecord task) override;
    QCoro::Task<Result<storage::TaskDetail>> load(storage::TaskRecord task) override;
    QCoro::Task<OfKernel> ofKernel(QString notebookPath) override;
    void cancel(QList<storage::TaskRecord> tasks) override;
    QCoro::Task<> leave(QString notebookPath) override;

private:
    Engine m_engine;
    storage::TaskId m_first;  // Those before it are of an earlier run.
    TaskScope m_scope;
};

}  // namespace celldeck::app
