#include "tasks/waitingline.h"

#include <algorithm>

namespace celldeck::tasks {

using storage::TaskId;
using storage::TaskRecord;

void WaitingLine::append(const QList<TaskRecord> &tasks)
{
    m_tasks.insert(m_tasks.end(), tasks.begin(), tasks.end());
}

TaskRecord WaitingLine::takeFirst()
{
    TaskRecord first = std::move(m_tasks.front());
    m_tasks.pop_front();
    return first;
}

std::optional<TaskRecord> WaitingLine::take(TaskId id)
{
    const auto found = std::ranges::find(m_tasks, id, &TaskRecord::id);
    if (found == m_tasks.end())
        return std::nullopt;
    TaskRecord task = std::move(*found);
    m_tasks.erase(found);
    return task;
}

QList<TaskRecord> WaitingLine::takeAll()
{
    const std::deque<TaskRecord> all = std::exchange(m_tasks, {});
    return QList<TaskRecord>(all.begin(), all.end());
}

QList<TaskRecord> WaitingLine::takeBatch(TaskId batch)
{
    QList<TaskRecord> taken;
    std::erase_if(m_tasks, [&](const TaskRecord &task) {
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
    m_tasks.insert(m_tasks.begin() + std::clamp<qsizetype>(position, 0, size()), std::move(*task));
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
    for (const TaskRecord &task : m_tasks)
        list << task.id;
    return list;
}

}  // namespace celldeck::tasks
