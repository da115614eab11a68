#include "tasks/waitingline.h"

#include <algorithm>

namespace celldeck::tasks {

using storage::TaskId;
using storage::TaskRecord;

void WaitingLine::append(QList<TaskRecord> tasks)
{
    if (m_tasks.isEmpty())
        m_tasks = std::move(tasks);  // After a start there may be 100,000.
    else
        m_tasks.append(std::move(tasks));
}

TaskRecord WaitingLine::takeFirst()
{
    return m_tasks.takeFirst();
}

std::optional<TaskRecord> WaitingLine::take(TaskId id)
{
    const auto found = std::ranges::find(std::as_const(m_tasks), id, &TaskRecord::id);
    if (found == m_tasks.cend())
        return std::nullopt;
    return m_tasks.takeAt(found - m_tasks.cbegin());
}

QList<TaskRecord> WaitingLine::takeAll()
{
    return std::exchange(m_tasks, {});
}

QList<TaskRecord> WaitingLine::takeBatch(TaskId batch)
{
    QList<TaskRecord> taken;
    m_tasks.removeIf([&](const TaskRecord &task) {
        if (task.batch != batch)
            return false;
        taken.append(task);
        return true;
    });
    return taken;
}

bool WaitingLine::move(TaskId id, qsizetype position)
{
    std::optional<TaskRecord> task = take(id);
    if (!task)
        return false;
    m_tasks.insert(std::clamp<qsizetype>(position, 0, size()), std::move(*task));
    return true;
}

void WaitingLine::markStateLost()
{
    for (TaskRecord &task : m_tasks)
        task.stateLost = true;
}

QList<TaskId> WaitingLine::ids() const
{
    QList<TaskId> list;
    for (const TaskRecord &task : std::as_const(m_tasks))
        list << task.id;
    return list;
}

}  // namespace celldeck::tasks
