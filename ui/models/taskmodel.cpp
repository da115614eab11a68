#include "ui/models/taskmodel.h"

#include <QDateTime>
#include <algorithm>
#include <iterator>
#include <map>

#include "ui/models/wording.h"

namespace celldeck::ui {

using storage::TaskId;
using storage::TaskRecord;
using storage::TaskState;

namespace {

int progressOf(TaskState state)
{
    if (storage::isFinal(state))
        return 2;
    return state == TaskState::Running ? 1 : 0;
}

/// Lists and changes come by different ways, so that a list may be older than a change before it.
/// A final state never changes (DESIGN.md section 4).
bool isStale(const TaskRecord &known, const TaskRecord &incoming)
{
    if (storage::isFinal(known.state))
        return !storage::isFinal(incoming.state);
    return std::pair(incoming.retries, progressOf(incoming.state)) <
           std::pair(known.retries, progressOf(known.state));
}

QDate dayOf(UtcTime time)
{
    return QDateTime::fromMSecsSinceEpoch(time.time_since_epoch().count()).date();
}

}  // namespace

TaskModel::TaskModel(int capacity, QObject *parent)
    : QAbstractTableModel(parent), m_capacity(capacity)
{}

TaskModel::~TaskModel() = default;

int TaskModel::position(int row) const
{
    return static_cast<int>(m_rows.size()) - 1 - row;
}

TaskModel::Rows::const_iterator TaskModel::lowerBound(TaskId id) const
{
    return std::lower_bound(m_rows.begin(), m_rows.end(), id,
                            [](const Row &row, TaskId wanted) { return row.task.id < wanted; });
}

const TaskRecord &TaskModel::taskAt(int row) const
{
    return m_rows[static_cast<std::size_t>(position(row))].task;
}

std::optional<int> TaskModel::rowOf(TaskId id) const
{
    const auto found = lowerBound(id);
    if (found == m_rows.end() || found->task.id != id)
        return std::nullopt;
    return position(static_cast<int>(found - m_rows.begin()));
}

void TaskModel::apply(const QList<TaskRecord> &tasks)
{
    std::vector<int> changed;
    // Sorted by id, and each once even if the feed should name one twice.
    std::map<TaskId, TaskRecord> added;
    for (const TaskRecord &task : tasks) {
        const std::optional<int> row = rowOf(task.id);
        if (!row) {
            const auto [known, isNew] = added.try_emplace(task.id, task);
            if (!isNew && !isStale(known->second, task))
                known->second = task;
        } else if (replace(position(*row), task))
            changed.push_back(position(*row));
    }
    announce(std::move(changed), Column::Task, Column::Error);
    std::vector<TaskRecord> sorted;
    sorted.reserve(added.size());
    for (auto &[id, task] : added)
        sorted.push_back(std::move(task));
    insert(std::move(sorted));
    trim();
}

bool TaskModel::replace(int at, const TaskRecord &task)
{
    Row &row = m_rows[static_cast<std::size_t>(at)];
    if (row.task == task || isStale(row.task, task))
        return false;
    row.task = task;
    row.texts.reset();
    noteState(task);
    return true;
}

void TaskModel::noteState(const TaskRecord &task)
{
    if (task.state == TaskState::Running)
        m_running.insert(task.id);
    else
        m_running.erase(task.id);
}

void TaskModel::announce(std::vector<int> positions, Column first, Column last)
{
    std::ranges::sort(positions);
    const auto repeated = std::ranges::unique(positions);
    positions.erase(repeated.begin(), repeated.end());
    for (std::size_t from = 0; from < positions.size();) {
        std::size_t to = from + 1;
        while (to < positions.size() && positions[to] == positions[to - 1] + 1)
            ++to;
        Q_EMIT dataChanged(index(position(positions[to - 1]), static_cast<int>(first)),
                           index(position(positions[from]), static_cast<int>(last)));
        from = to;
    }
}

void TaskModel::insert(std::vector<TaskRecord> tasksById)
{
    for (auto from = tasksById.begin(); from != tasksById.end();) {
        const auto next = lowerBound(from->id);
        auto to = tasksById.end();
        if (next != m_rows.end()) {
            const TaskId border = next->task.id;
            to = std::find_if(from, tasksById.end(),
                              [border](const TaskRecord &task) { return border < task.id; });
        }
        insertAt(static_cast<int>(next - m_rows.begin()), from, to);
        from = to;
    }
}

void TaskModel::insertAt(int at, std::vector<TaskRecord>::iterator from,
                         std::vector<TaskRecord>::iterator to)
{
    const int count = static_cast<int>(to - from);
    const int row = static_cast<int>(m_rows.size()) - at;
    beginInsertRows({}, row, row + count - 1);
    std::for_each(from, to, [this](const TaskRecord &task) { noteState(task); });
    std::vector<Row> rows;
    rows.reserve(static_cast<std::size_t>(count));
    std::transform(std::make_move_iterator(from), std::make_move_iterator(to),
                   std::back_inserter(rows),
                   [](TaskRecord &&task) { return Row{std::move(task), nullptr}; });
    m_rows.insert(m_rows.begin() + at, std::make_move_iterator(rows.begin()),
                  std::make_move_iterator(rows.end()));
    endInsertRows();
}

void TaskModel::trim()
{
    int excess = static_cast<int>(m_rows.size()) - m_capacity;
    for (int from = 0; excess > 0 && from < static_cast<int>(m_rows.size()); ++from) {
        int to = from;
        while (to < static_cast<int>(m_rows.size()) && to - from < excess &&
               storage::isFinal(m_rows[static_cast<std::size_t>(to)].task.state))
            ++to;
        if (to == from)
            continue;
        beginRemoveRows({}, position(to - 1), position(from));
        m_rows.erase(m_rows.begin() + from, m_rows.begin() + to);
        endRemoveRows();
        excess -= to - from;
    }
}

void TaskModel::setAsking(const QList<TaskId> &tasks)
{
    std::set<TaskId> asking(tasks.begin(), tasks.end());
    std::vector<TaskId> changed;
    std::ranges::set_symmetric_difference(asking, m_asking, std::back_inserter(changed));
    m_asking = std::move(asking);
    std::vector<int> positions;
    for (const TaskId id : changed) {
        if (const std::optional<int> row = rowOf(id)) {
            m_rows[static_cast<std::size_t>(position(*row))].texts.reset();
            positions.push_back(position(*row));
        }
    }
    announce(std::move(positions), Column::State, Column::State);
}

bool TaskModel::asks(const TaskRecord &task) const
{
    return task.state == TaskState::Running && m_asking.contains(task.id);
}

void TaskModel::setNow(UtcTime now)
{
    m_now = now;
    if (const QDate today = dayOf(now); today != m_today) {
        m_today = today;
        for (const Row &row : m_rows)
            row.texts.reset();
        if (!m_rows.empty())
            Q_EMIT dataChanged(index(0, static_cast<int>(Column::Submitted)),
                               index(rowCount() - 1, static_cast<int>(Column::Submitted)));
    }
    std::vector<int> positions;
    for (const TaskId id : m_running) {
        const auto at = lowerBound(id);
        at->texts.reset();
        positions.push_back(static_cast<int>(at - m_rows.begin()));
    }
    announce(std::move(positions), Column::Duration, Column::Duration);
}

int TaskModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int TaskModel::columnCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

const TaskModel::Texts &TaskModel::textsOf(const Row &row) const
{
    if (!row.texts) {
        const TaskRecord &task = row.task;
        const QString cell = task.cellIndex < 0 ? QString() : QString::number(task.cellIndex);
        const QString count =
            task.executionCount ? QString::number(*task.executionCount) : QString();
        row.texts = std::make_unique<Texts>(Texts{
            storage::nameOf(task), asks(task) ? tr("Needs input") : wordOf(task.state),
            fileNameOf(task.notebookPath), cell, firstLine(task.code),
            momentText(task.createdAt, m_today), durationText(task, m_now), count, task.error});
    }
    return *row.texts;
}

QVariant TaskModel::toolTip(const TaskRecord &task, Column column) const
{
    constexpr qsizetype MostShown = 1200;  // What fits on a screen.
    switch (column) {
    case Column::Task:
        return task.key.isEmpty() ? QString()
                                  : tr("%1, given by the client; its id is %2")
                                        .arg(task.key, storage::toText(task.id));
    case Column::Notebook:
        return task.notebookPath;
    case Column::Cell:
        return task.cellId.isEmpty() ? QString() : tr("Cell id %1").arg(task.cellId);
    case Column::Code:
        return task.code.left(MostShown);
    case Column::Submitted:
        return fullMomentText(task.createdAt);
    case Column::Error:
        return task.error.left(MostShown);
    case Column::State:
    case Column::Duration:
    case Column::ExecutionCount:
        break;
    }
    return {};
}

QVariant TaskModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    const Row &row = m_rows[static_cast<std::size_t>(position(index.row()))];
    const auto column = static_cast<Column>(index.column());
    switch (role) {
    case Qt::DisplayRole:
        return textsOf(row)[static_cast<std::size_t>(index.column())];
    case Qt::ToolTipRole:
        return toolTip(row.task, column);
    case Qt::TextAlignmentRole:
        if (column == Column::Cell || column == Column::Duration ||
            column == Column::ExecutionCount)
            return QVariant::fromValue(Qt::Alignment(Qt::AlignRight | Qt::AlignVCenter));
        return QVariant::fromValue(Qt::Alignment(Qt::AlignLeft | Qt::AlignVCenter));
    case IdRole:
        return QVariant::fromValue<qint64>(row.task.id.value());
    case StateRole:
        return static_cast<int>(row.task.state);
    case AsksRole:
        return asks(row.task);
    default:
        return {};
    }
}

QVariant TaskModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= ColumnCount)
        return {};
    const auto column = static_cast<Column>(section);
    if (role == Qt::TextAlignmentRole) {
        const bool number = column == Column::Cell || column == Column::Duration ||
                            column == Column::ExecutionCount;
        return QVariant::fromValue(
            Qt::Alignment((number ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter));
    }
    if (role == Qt::ToolTipRole && column == Column::ExecutionCount)
        return tr("Execution count: the number in In[…]");
    if (role != Qt::DisplayRole)
        return {};
    const std::array<QString, ColumnCount> titles{tr("Task"),     tr("State"),  tr("Notebook"),
                                                  tr("Cell"),     tr("Code"),   tr("Submitted"),
                                                  tr("Duration"), tr("In [ ]"), tr("Error")};
    return titles[static_cast<std::size_t>(section)];
}

}  // namespace celldeck::ui
