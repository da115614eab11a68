#pragma once

#include <optional>

#include "storage/taskrecord.h"

namespace celldeck::tasks {

/// The tasks that wait for one session, in the order in which they are to run.
///
/// Owned by a Session. Thread: one. Stopping: nothing to stop.
class WaitingLine final
{
public:
    void append(QList<storage::TaskRecord> tasks);
    void prepend(storage::TaskRecord task) { m_tasks.prepend(std::move(task)); }
    /// Requires of both: that there is one.
    [[nodiscard]] const storage::TaskRecord &at(qsizetype position) const
    {
        return m_tasks.at(position);
    }
    [[nodiscard]] storage::TaskRecord takeFirst();
    [[nodiscard]] std::optional<storage::TaskRecord> take(storage::TaskId id);
    [[nodiscard]] QList<storage::TaskRecord> takeAll();
    /// The later tasks of one submission.
    [[nodiscard]] QList<storage::TaskRecord> takeBatch(storage::TaskId batch);
    /// Position 0 is the next to run; beyond the end is the last. False if it does not wait here.
    [[nodiscard]] bool move(storage::TaskId id, qsizetype position);
    /// Their session's kernel, with all of its variables, is gone.
    void markStateLost();

    [[nodiscard]] QList<storage::TaskId> ids() const;
    [[nodiscard]] bool isEmpty() const { return m_tasks.isEmpty(); }
    [[nodiscard]] qsizetype size() const { return m_tasks.size(); }

private:
    QList<storage::TaskRecord> m_tasks;
};

}  // namespace celldeck::tasks
