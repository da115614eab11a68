#include "ui/models/taskfilter.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "ui/models/taskmodel.h"

namespace celldeck::ui {

using storage::TaskRecord;

namespace {

constexpr int NoRank = -1;

bool contains(const TaskRecord &task, const QString &word)
{
    return task.code.contains(word, Qt::CaseInsensitive) ||
           task.notebookPath.contains(word, Qt::CaseInsensitive) ||
           task.error.contains(word, Qt::CaseInsensitive) ||
           task.key.contains(word, Qt::CaseInsensitive) ||
           storage::toText(task.id).contains(word, Qt::CaseInsensitive);
}

/// Tasks that have not started sort before all others; those that run, by when they began.
Milliseconds durationOf(const TaskRecord &task)
{
    if (!task.startedAt)
        return Milliseconds(-1);
    if (!task.finishedAt)
        return Milliseconds::max() - task.startedAt->time_since_epoch();
    return *task.finishedAt - *task.startedAt;
}

bool isBefore(const TaskRecord &a, const TaskRecord &b, TaskModel::Column column)
{
    switch (column) {
    case TaskModel::Column::Task:
        return storage::nameOf(a) < storage::nameOf(b);
    case TaskModel::Column::State:
        return std::tie(a.state, a.id) < std::tie(b.state, b.id);
    case TaskModel::Column::Notebook:
        return std::tie(a.notebookPath, a.cellIndex, a.id) <
               std::tie(b.notebookPath, b.cellIndex, b.id);
    case TaskModel::Column::Cell:
        return std::tie(a.cellIndex, a.id) < std::tie(b.cellIndex, b.id);
    case TaskModel::Column::Code:
        return std::tie(a.code, a.id) < std::tie(b.code, b.id);
    case TaskModel::Column::Submitted:
        return a.id < b.id;
    case TaskModel::Column::Duration:
        return std::pair(durationOf(a), a.id) < std::pair(durationOf(b), b.id);
    case TaskModel::Column::ExecutionCount:
        return std::tie(a.executionCount, a.id) < std::tie(b.executionCount, b.id);
    case TaskModel::Column::Error:
        return std::tie(a.error, a.id) < std::tie(b.error, b.id);
    }
    return a.id < b.id;
}

}  // namespace

TaskFilter::TaskFilter(TaskModel *model, QObject *parent)
    : QSortFilterProxyModel(parent), m_model(model)
{
    setSourceModel(model);
}

void TaskFilter::setState(std::optional<storage::TaskState> state)
{
    if (m_state == state)
        return;
    m_state = state;
    invalidateFilter();
}

void TaskFilter::setText(const QString &text)
{
    QStringList words = text.simplified().split(QLatin1Char(' '), Qt::SkipEmptyParts);
    if (words == m_words)
        return;
    m_words = std::move(words);
    invalidateFilter();
}

const TaskRecord &TaskFilter::taskAt(int row) const
{
    return m_model->taskAt(mapToSource(index(row, 0)).row());
}

QModelIndex TaskFilter::indexOf(storage::TaskId id) const
{
    const std::optional<int> row = m_model->rowOf(id);
    return row ? mapFromSource(m_model->index(*row, 0)) : QModelIndex();
}

bool TaskFilter::filterAcceptsRow(int sourceRow, const QModelIndex &) const
{
    const TaskRecord &task = m_model->taskAt(sourceRow);
    if (m_state && task.state != *m_state)
        return false;
    return std::ranges::all_of(m_words,
                               [&task](const QString &word) { return contains(task, word); });
}

void TaskFilter::sort(int column, Qt::SortOrder order)
{
    m_ranks.clear();
    if (column >= 0 && column != static_cast<int>(TaskModel::Column::Submitted)) {
        std::vector<const TaskRecord *> tasks;
        tasks.reserve(static_cast<std::size_t>(m_model->rowCount()));
        for (int row = 0; row < m_model->rowCount(); ++row)
            tasks.push_back(&m_model->taskAt(row));
        std::ranges::sort(tasks, [column](const TaskRecord *a, const TaskRecord *b) {
            return isBefore(*a, *b, static_cast<TaskModel::Column>(column));
        });
        m_ranks.reserve(static_cast<qsizetype>(tasks.size()));
        for (const TaskRecord *task : tasks)
            m_ranks.insert(task->id, static_cast<int>(m_ranks.size()));
    }
    QSortFilterProxyModel::sort(column, order);
}

bool TaskFilter::lessThan(const QModelIndex &left, const QModelIndex &right) const
{
    const storage::TaskId a = m_model->taskAt(left.row()).id;
    const storage::TaskId b = m_model->taskAt(right.row()).id;
    if (left.column() == static_cast<int>(TaskModel::Column::Submitted))
        return a < b;
    const int rankA = m_ranks.value(a, NoRank);
    const int rankB = m_ranks.value(b, NoRank);
    if (rankA != NoRank && rankB != NoRank)
        return rankA < rankB;
    // Tasks that came after the sort stand above the others, the newest first, in either order.
    if (sortOrder() == Qt::AscendingOrder)
        return rankA == rankB ? b < a : rankA == NoRank;
    return rankA == rankB ? a < b : rankB == NoRank;
}

}  // namespace celldeck::ui
