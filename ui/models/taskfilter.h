#pragma once

#include <QHash>
#include <QSortFilterProxyModel>
#include <QStringList>
#include <optional>

#include "storage/taskrecord.h"

namespace celldeck::ui {

class TaskModel;

/// Which tasks a person wants to see: those of a state, and those in which all words of a text
/// occur (in name, id, notebook, code or error; case is ignored). Unsorted it keeps the newest
/// first. A sorted column is a snapshot: rows that change stay where they are until it is sorted
/// again, else a busy queue would pull them from under the pointer; new tasks come on top.
/// Owner: the tasks panel. Thread: GUI.
class TaskFilter final : public QSortFilterProxyModel
{
    Q_OBJECT

public:
    explicit TaskFilter(TaskModel *model, QObject *parent = nullptr);

    void setState(std::optional<storage::TaskState> state);  ///< Nothing: all.
    void setText(const QString &text);
    [[nodiscard]] bool isFiltering() const { return m_state || !m_words.isEmpty(); }

    /// Requires: 0 <= row < rowCount().
    [[nodiscard]] const storage::TaskRecord &taskAt(int row) const;
    /// Invalid where the task is unknown or filtered out.
    [[nodiscard]] QModelIndex indexOf(storage::TaskId id) const;

    void sort(int column, Qt::SortOrder order = Qt::AscendingOrder) override;

protected:
    bool filterAcceptsRow(int sourceRow, const QModelIndex &sourceParent) const override;
    bool lessThan(const QModelIndex &left, const QModelIndex &right) const override;

private:
    TaskModel *m_model;
    std::optional<storage::TaskState> m_state;
    QStringList m_words;
    QHash<storage::TaskId, int> m_ranks;  ///< The places that the last sort gave.
};

}  // namespace celldeck::ui
