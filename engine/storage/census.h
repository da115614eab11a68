#pragma once

#include <QHash>
#include <QVarLengthArray>

#include "storage/audit.h"
#include "storage/connection.h"
#include "storage/contents.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

/// CONTRACT.md section 7.
struct QueueLimits
{
    /// Where nothing waits, one submission may be of more: a notebook of 1,500 cells can be run.
    std::int64_t pendingInNotebook = 1'000;
    std::int64_t pendingInAll = 100'000;
};

/// The paths of some tasks' notebooks, one a task; most submissions are of one.
using NotebookPaths = QVarLengthArray<QString, 4>;

/// What the writer keeps of the task table in memory, so that no submission has to count rows: the
/// number of tasks in each state, of pending ones in each notebook, the last id, the ids of
/// notebooks and actors, and the contents that were seen last. Touched by the writer's jobs only;
/// read anew after a rollback.
class Census
{
public:
    explicit Census(QueueLimits limits) : m_limits(limits) {}

    Result<> reread(Connection &connection);

    /// `notebooks`: the path of each new task's. Fails with QueueFull, and a message for the
    /// submitter.
    [[nodiscard]] Result<> roomFor(Connection &connection, NotebookPaths notebooks) const;
    [[nodiscard]] TaskId nextId(UtcTime now);
    void count(std::int64_t notebook, std::optional<TaskState> from, TaskState to);
    /// A pending task with an id of its own, which may lie before others.
    void countImported(TaskId id, std::int64_t notebook);
    /// A task that had ended is removed.
    void forget(TaskState state) { --counter(state); }
    /// To be called where tasks are removed: no later one gets the id of one that was.
    [[nodiscard]] Result<> keepLastId(Connection &connection) const;
    [[nodiscard]] TaskStats stats() const;

    /// The row of a notebook's path, made if need be.
    [[nodiscard]] Result<std::int64_t> notebookId(Connection &connection, const QString &path);
    /// The row of an actor, made if need be.
    [[nodiscard]] Result<std::int64_t> actorId(Connection &connection, const Actor &actor);
    /// Rows of actors were removed.
    void forgetActors() { m_actors.clear(); }

    [[nodiscard]] Contents &contents() { return m_contents; }

private:
    std::int64_t &counter(TaskState state);

    QueueLimits m_limits;
    TaskStats m_stats;
    TaskId m_last;
    QHash<std::int64_t, std::int64_t> m_pending;
    QHash<QString, std::int64_t> m_notebooks;
    Contents m_contents;
    QHash<Actor, std::int64_t> m_actors;
};

}  // namespace celldeck::storage
