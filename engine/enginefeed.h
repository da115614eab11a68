#pragma once

#include <map>

#include "async/coalescer.h"
#include "async/taskscope.h"
#include "engine/feed.h"
#include "tasks/taskqueue.h"

namespace celldeck {

/// The feed as the engine gives it: gathers changes and publishes them at most 30 times a second.
/// Owned by the engine. Thread: the engine's; what is "any thread" is passed on to it.
class EngineFeed final : public Feed
{
    Q_OBJECT

public:
    EngineFeed(tasks::TaskQueue &queue, storage::Stores &stores, const Clock &clock);

    void requestTasks(int limit) override;
    void watchTask(storage::TaskId id) override;
    void runNotebook(const QString &path) override;
    void cancelTask(storage::TaskId id) override;
    void answerInput(storage::TaskId id, const QString &text) override;

    void setEndpoint(const EndpointStatus &status);

private:
    QCoro::Task<> list(int limit);
    QCoro::Task<> loadWatched();
    QCoro::Task<> publishStats();
    QCoro::Task<> run(QString path);
    QCoro::Task<> cancel(storage::TaskId id);
    QCoro::Task<> answer(storage::TaskId id, QString text);
    void publish();
    void setAsking(storage::TaskId id, bool asks);
    void report(const Error &error);

    tasks::TaskQueue &m_queue;
    storage::TaskStore &m_store;
    storage::AdoptionStore &m_adoptions;
    const Clock &m_clock;
    EndpointStatus m_endpoint;
    storage::TaskId m_watched;
    QList<storage::TaskId> m_asking;
    std::map<storage::TaskId, storage::TaskRecord> m_changed;
    Coalescer m_due;
    TaskScope m_scope;
};

}  // namespace celldeck
