#pragma once

#include <QSet>
#include <memory>
#include <optional>

#include "endpointclient.h"
#include "runqueue.h"
#include "storage/queries.h"

namespace celldeck::app {

/// The queue of the engine that hosts the data folder already, through its endpoint; what is on
/// disk is read from its database. A notebook that has a kernel there runs on that one, behind what
/// waits for it. When the engine ends, the run fails; what it had accepted stays in its queue.
class SharedQueue final : public RunQueue
{
    Q_OBJECT

public:
    SharedQueue(std::unique_ptr<EndpointClient> client, QString dataDirectory);

    QCoro::Task<Result<>> open() override;
    QCoro::Task<> close() override;
    QCoro::Task<Result<QList<storage::TaskRecord>>> history(QString notebookPath,
                                                            int limit) override;
    /// Fails with NoKernel too, if the notebook has a kernel of another kind.
    QCoro::Task<Result<QList<storage::TaskRecord>>> submit(
        QList<storage::TaskDraft> drafts) override;
    QCoro::Task<Result<storage::TaskRecord>> finished(storage::TaskRecord task) override;
    QCoro::Task<Result<storage::TaskDetail>> load(storage::TaskRecord task) override;
    QCoro::Task<OfKernel> ofKernel(QString notebookPath) override;
    void cancel(QList<storage::TaskRecord> tasks) override;
    QCoro::Task<> leave(QString notebookPath) override;

private:
    struct Found
    {
        QString kernelName;  ///< "": there is no kernel
        bool paused = false;
    };
    QCoro::Task<Result<Found>> sessionOf(QString notebookPath);
    QCoro::Task<Result<Answer>> reach(storage::TaskRecord task, QString until);
    QCoro::Task<> cancelAll(QList<storage::TaskRecord> tasks);

    const std::unique_ptr<EndpointClient> m_client;
    const QString m_dataDirectory;
    std::optional<storage::Queries> m_queries;
    QSet<QString> m_fresh;  // notebooks that had no kernel before the run
    TaskScope m_scope;
};

}  // namespace celldeck::app
