#pragma once

#include <QAbstractTableModel>
#include <QDate>
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "storage/taskrecord.h"

namespace celldeck::ui {

/// The tasks that the console knows, newest first. Takes batches as the feed brings them and tells
/// its views the least: one insert for neighbours, one change for a range. Bounded: over its
/// capacity the oldest final tasks leave, never one that waits or runs.
/// Owner: the window. Thread: GUI. It has no clock: whoever shows it calls `setNow`.
class TaskModel final : public QAbstractTableModel
{
    Q_OBJECT

public:
    enum class Column {
        Task,
        State,
        Notebook,
        Cell,
        Code,
        Submitted,
        Duration,
        ExecutionCount,
        Error,
    };
    static constexpr int ColumnCount = 9;

    enum Role {
        IdRole = Qt::UserRole,  ///< qint64: the task's id.
        StateRole,              ///< int: its storage::TaskState.
        AsksRole,               ///< bool: its cell asks for input and waits.
    };

    /// What CONTRACT.md section 7 lets wait, so that a full queue still fits.
    static constexpr int DefaultCapacity = 100'000;

    explicit TaskModel(int capacity = DefaultCapacity, QObject *parent = nullptr);
    ~TaskModel() override;

    /// Inserts the new ones and updates the known ones, in any order. A record that is older than
    /// what is already shown (a list that was read before a change came) is passed over.
    void apply(const QList<storage::TaskRecord> &tasks);

    /// The cells that wait for an answer: shown as that, instead of as running.
    void setAsking(const QList<storage::TaskId> &tasks);

    /// The time up to which running tasks have run.
    void setNow(UtcTime now);
    [[nodiscard]] bool hasRunning() const { return !m_running.empty(); }

    /// Requires: 0 <= row < rowCount(). The reference holds until the next change.
    [[nodiscard]] const storage::TaskRecord &taskAt(int row) const;
    [[nodiscard]] std::optional<int> rowOf(storage::TaskId id) const;

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

private:
    using Texts = std::array<QString, ColumnCount>;

    struct Row
    {
        storage::TaskRecord task;
        /// Made when a view first asks: of 100,000 rows a person sees some hundreds.
        mutable std::unique_ptr<Texts> texts;
    };

    /// In the order of ids, so that the usual new task is appended, the usual leaver is at the
    /// front, and an id is found by bisection with no index to keep. Views see it backwards.
    using Rows = std::deque<Row>;

    [[nodiscard]] int position(int row) const;
    [[nodiscard]] bool asks(const storage::TaskRecord &task) const;
    [[nodiscard]] Rows::const_iterator lowerBound(storage::TaskId id) const;
    [[nodiscard]] const Texts &textsOf(const Row &row) const;
    [[nodiscard]] QVariant toolTip(const storage::TaskRecord &task, Column column) const;
    [[nodiscard]] bool replace(int position, const storage::TaskRecord &task);
    void noteState(const storage::TaskRecord &task);
    void announce(std::vector<int> positions, Column first, Column last);
    void insert(std::vector<storage::TaskRecord> tasksById);
    void insertAt(int position, std::vector<storage::TaskRecord>::iterator from,
                  std::vector<storage::TaskRecord>::iterator to);
    void trim();

    Rows m_rows;
    std::set<storage::TaskId> m_running;
    std::set<storage::TaskId> m_asking;
    UtcTime m_now{};
    QDate m_today;
    int m_capacity;
};

}  // namespace celldeck::ui
