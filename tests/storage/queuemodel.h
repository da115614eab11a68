#pragma once

#include <map>
#include <set>

#include "storage/census.h"
#include "storage/queuestore.h"
#include "storage/taskcleaner.h"
#include "storage/taskrecord.h"

namespace celldeck::test {

/// What TaskStore and QueueStore promise, as plainly as it can be said: maps, and a loop over all
/// of them for each question. Its functions answer as theirs do. Nothing is lost by a restart.
class QueueModel
{
public:
    explicit QueueModel(storage::QueueLimits limits) : m_limits(limits) {}

    Result<QList<storage::TaskRecord>> insert(const QList<storage::TaskDraft> &drafts, UtcTime now);
    Result<> markRunning(storage::TaskId id, const QByteArray &messageId, UtcTime now);
    Result<> putBack(storage::TaskId id);
    Result<> finish(storage::TaskId id, const storage::TaskOutcome &outcome);
    Result<QList<storage::TaskId>> finishPending(const QList<storage::TaskId> &ids,
                                                 const storage::TaskOutcome &outcome);
    Result<> amendOutputs(storage::TaskId id, const QByteArray &outputs);
    Result<> keepPartial(storage::TaskId id, const QByteArray &outputs);
    Result<> reorder(const QList<storage::TaskId> &ids);
    Result<> removeEnded(const QList<storage::TaskId> &ids);
    Result<QList<storage::TaskRecord>> loseKernel(const QString &notebook,
                                                  const QList<storage::TaskDraft> &rebuilding,
                                                  const QList<storage::TaskId> &pending,
                                                  UtcTime now);
    Result<> setFlow(const QString &notebook, storage::Flow flow);
    Result<> setOnError(const QString &notebook, storage::OnError onError);
    Result<std::optional<UtcTime>> begin(UtcTime now) { return std::exchange(m_begun, now); }
    Result<> end();

    /// Ended before the time that their state is kept.
    [[nodiscard]] QList<storage::TaskId> due(const storage::Retention &retention,
                                             UtcTime now) const;
    [[nodiscard]] QList<storage::TaskRecord> unfinished() const;
    [[nodiscard]] QList<storage::TaskRecord> list(const storage::TaskFilter &filter) const;
    [[nodiscard]] Result<storage::TaskDetail> load(storage::TaskId id) const;
    [[nodiscard]] Result<storage::TaskDetail> loadByName(const QString &name) const;
    [[nodiscard]] storage::TaskStats stats() const;
    [[nodiscard]] const std::map<storage::TaskId, storage::TaskDetail> &tasks() const
    {
        return m_tasks;
    }
    [[nodiscard]] const storage::QueueOrders &orders() const { return m_orders; }
    /// Those that anything was stored for.
    [[nodiscard]] const std::set<QString> &notebooks() const { return m_notebooks; }
    enum class Kernel { Works, Lost };
    [[nodiscard]] std::map<QString, Kernel> &kernels() { return m_kernels; }
    void know(const QString &notebook) { m_notebooks.insert(notebook); }

private:
    [[nodiscard]] Result<> check(const QList<storage::TaskDraft> &drafts) const;
    storage::TaskRecord add(const storage::TaskDraft &draft, storage::TaskId id,
                            storage::TaskId batch);
    storage::TaskDetail *find(storage::TaskId id);

    storage::QueueLimits m_limits;
    std::map<storage::TaskId, storage::TaskDetail> m_tasks;
    std::map<storage::TaskId, qsizetype> m_places;
    std::set<QString> m_notebooks;
    std::map<QString, Kernel> m_kernels;
    storage::QueueOrders m_orders;
    std::optional<UtcTime> m_begun;
    storage::TaskId m_last;  // of all that there ever were
};

/// Whether what a store answers is what the model does.
inline bool same(const storage::TaskDetail &a, const storage::TaskDetail &b)
{
    return a.task == b.task && a.outputs == b.outputs;
}
inline bool same(const storage::QueueOrders &a, const storage::QueueOrders &b)
{
    return a.flow == b.flow && a.pausedNotebooks == b.pausedNotebooks && a.onError == b.onError;
}
inline bool same(storage::TaskStats a, storage::TaskStats b)
{
    a.walBytes = b.walBytes = 0;
    return a == b;
}
template <class T>
bool same(const T &a, const T &b)
{
    return a == b;
}

}  // namespace celldeck::test
