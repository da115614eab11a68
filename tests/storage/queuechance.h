#pragma once

#include <random>

#include "queuemodel.h"

namespace celldeck::test {

/// What a random step is about: the same for the same seed, on every machine.
class QueueChance
{
public:
    QueueChance(const QueueModel &model, unsigned seed) : m_model(model), m_random(seed) {}

    std::int64_t any(std::int64_t below)
    {
        return static_cast<std::int64_t>(m_random() % static_cast<std::uint64_t>(below));
    }
    bool oneIn(std::int64_t times) { return any(times) == 0; }
    QString anyNotebook();
    /// Mostly one that lives; at times one that never was.
    storage::TaskId anyTask();
    QList<storage::TaskId> someTasks();
    storage::TaskOutcome anyOutcome(UtcTime now);
    /// Some of them go back from that task.
    storage::TaskFilter anyFilter(UtcTime now, storage::TaskId id);
    /// At times one that is to be refused.
    storage::TaskDraft anyDraft();

private:
    QByteArray anyOutputs();

    const QueueModel &m_model;
    std::mt19937_64 m_random;
};

}  // namespace celldeck::test
