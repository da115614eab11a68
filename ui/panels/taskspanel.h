#pragma once

#include <QTimer>
#include <QWidget>

#include "storage/taskrecord.h"
#include "ui/models/taskfilter.h"

class QComboBox;
class QItemSelection;
class QLabel;
class QLineEdit;
class QPushButton;
class QStackedLayout;
class QTableView;

namespace celldeck::ui {

class TaskModel;

/// The table of tasks and the bar that filters it. What a person chose is an id: it stays chosen
/// while rows come, change, and leave the filter. Owner: the window. Thread: GUI.
class TasksPanel final : public QWidget
{
    Q_OBJECT

public:
    explicit TasksPanel(TaskModel *model, QWidget *parent = nullptr);

    [[nodiscard]] storage::TaskId chosenTask() const { return m_chosen; }
    [[nodiscard]] QList<storage::TaskId> selectedTasks() const;
    [[nodiscard]] const TaskFilter *filter() const { return &m_filter; }
    [[nodiscard]] QTableView *table() const { return m_table; }

    /// For the table's context menu; the actions stay the caller's.
    void setTaskActions(const QList<QAction *> &actions);
    void setEndpoint(const QString &url);
    void focusFilter();

    [[nodiscard]] QByteArray saveColumns() const;
    void restoreColumns(const QByteArray &state);  ///< "" or foreign bytes: the defaults.

Q_SIGNALS:
    void taskChosen(celldeck::storage::TaskId id);
    void selectionChanged();

protected:
    void showEvent(QShowEvent *event) override;
    void hideEvent(QHideEvent *event) override;

private:
    void makeTable();
    void makeFilterBar();
    [[nodiscard]] QWidget *makeEmptyPage();
    void setDefaultColumns();
    void handleCurrent(const QModelIndex &current);
    void restoreChosen();
    void showWhatThereIs();
    void clearFilter();
    void tick();

    TaskModel *m_model;
    TaskFilter m_filter;
    storage::TaskId m_chosen;
    bool m_isRearranging = false;
    QString m_endpoint;
    QTableView *m_table;
    QLineEdit *m_text;
    QComboBox *m_state;
    QLabel *m_count;
    QLabel *m_hintTitle = nullptr;
    QLabel *m_hint = nullptr;
    QPushButton *m_clear = nullptr;
    QStackedLayout *m_pages;
    QTimer m_typing;
    QTimer m_second;
};

}  // namespace celldeck::ui
