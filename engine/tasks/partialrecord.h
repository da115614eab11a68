#pragma once

#include <functional>

#include "async/coalescer.h"
#include "tasks/tasklog.h"

namespace celldeck::tasks {

/// Keeps on record what a running task has printed: about once a second, and more seldom where that
/// is big, since each time all of it is written.
///
/// Owned by a Session, whose scope it waits with. Thread: the engine's. Stopping: with its owner;
/// what is due is dropped.
class PartialRecord final
{
public:
    struct Partial
    {
        storage::TaskId id;
        QByteArray outputs;   ///< JSON
        QByteArray displays;  ///< as TaskOutcome's
    };
    /// `now`: the task that runs and its outputs so far; nullopt if none does.
    PartialRecord(TaskLog &log, const Clock &clock, TaskScope &scope,
                  std::function<std::optional<Partial>()> now);

    /// It has printed.
    void poke() { m_due.poke(); }
    /// What is on disk of that task has displays in it, which its end has to replace.
    void noteDisplays(storage::TaskId id) { m_hasDisplays = id; }
    [[nodiscard]] bool hasDisplays(storage::TaskId id) const { return m_hasDisplays == id; }

private:
    void keep();

    TaskLog &m_log;
    const Clock &m_clock;
    TaskScope &m_scope;
    const std::function<std::optional<Partial>()> m_now;
    Coalescer m_due;
    storage::TaskId m_hasDisplays;
    UtcTime m_keptAt{};
    qsizetype m_keptBytes = 0;
};

}  // namespace celldeck::tasks
