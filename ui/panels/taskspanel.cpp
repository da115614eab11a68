#include "ui/panels/taskspanel.h"

#include <QAction>
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QStackedLayout>
#include <QTableView>
#include <QVBoxLayout>
#include <array>

#include "ui/models/taskmodel.h"
#include "ui/models/wording.h"
#include "ui/theme.h"
#include "ui/widgets/statedelegate.h"

namespace celldeck::ui {

using storage::TaskId;
using storage::TaskState;

namespace {

/// A search reads every task's code, so it waits until the typing pauses.
constexpr std::chrono::milliseconds TypingPause{120};

}  // namespace

TasksPanel::TasksPanel(TaskModel *model, QWidget *parent)
    : QWidget(parent),
      m_model(model),
      m_filter(model),
      m_table(new QTableView(this)),
      m_text(new QLineEdit(this)),
      m_state(new QComboBox(this)),
      m_count(new QLabel(this)),
      m_pages(new QStackedLayout)
{
    auto *bar = new QHBoxLayout;
    bar->setContentsMargins(10, 8, 12, 8);
    bar->setSpacing(8);
    bar->addWidget(m_text, 1);
    bar->addWidget(m_state);
    bar->addSpacing(4);
    bar->addWidget(m_count);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addLayout(bar);
    column->addLayout(m_pages, 1);
    makeFilterBar();
    makeTable();
    m_pages->addWidget(m_table);
    m_pages->addWidget(makeEmptyPage());
    m_second.setInterval(std::chrono::seconds{1});
    connect(&m_second, &QTimer::timeout, this, &TasksPanel::tick);
    showWhatThereIs();
}

void TasksPanel::makeFilterBar()
{
    m_text->setClearButtonEnabled(true);
    m_text->setPlaceholderText(tr("Filter by code, notebook, error or task id"));
    m_text->setAccessibleName(tr("Filter tasks by text"));
    m_text->addAction(themedIcon(QStringLiteral("search")), QLineEdit::LeadingPosition);
    m_state->setAccessibleName(tr("Filter tasks by state"));
    m_state->addItem(tr("All states"));
    for (int i = 0; i <= static_cast<int>(TaskState::Interrupted); ++i) {
        const auto state = static_cast<TaskState>(i);
        m_state->addItem(themedIcon(iconNameOf(state)), wordOf(state), i);
    }
    m_typing.setSingleShot(true);
    m_typing.setInterval(TypingPause);
    connect(m_text, &QLineEdit::textChanged, &m_typing, qOverload<>(&QTimer::start));
    connect(&m_typing, &QTimer::timeout, this, [this] { m_filter.setText(m_text->text()); });
    connect(m_state, &QComboBox::currentIndexChanged, this, [this] {
        const QVariant state = m_state->currentData();
        m_filter.setState(state.isValid() ? std::optional(static_cast<TaskState>(state.toInt()))
                                          : std::nullopt);
    });
    m_count->setForegroundRole(QPalette::PlaceholderText);
}

void TasksPanel::makeTable()
{
    // Before the view's own selection model hears of it: when a chosen row leaves, that one would
    // move to a neighbour, and the details would jump to a task that nobody chose.
    connect(&m_filter, &QAbstractItemModel::rowsAboutToBeRemoved, this,
            [this] { m_isRearranging = true; });
    m_table->setModel(&m_filter);
    m_table->setItemDelegateForColumn(static_cast<int>(TaskModel::Column::State),
                                      new StateDelegate(m_table));
    m_table->setAccessibleName(tr("Tasks"));
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_table->setContextMenuPolicy(Qt::ActionsContextMenu);
    m_table->setShowGrid(false);
    m_table->setAlternatingRowColors(true);
    m_table->setFrameShape(QFrame::NoFrame);
    m_table->setWordWrap(false);
    m_table->setTabKeyNavigation(false);
    m_table->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_table->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_table->verticalHeader()->hide();
    m_table->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    m_table->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 13);
    QHeaderView *header = m_table->horizontalHeader();
    header->setSectionResizeMode(QHeaderView::Interactive);
    header->setStretchLastSection(true);
    header->setSectionsMovable(true);
    header->setHighlightSections(false);
    header->setSortIndicatorClearable(true);
    header->setSortIndicator(-1, Qt::AscendingOrder);
    m_table->setSortingEnabled(true);
    setDefaultColumns();
    connect(&m_filter, &QAbstractItemModel::rowsRemoved, this, &TasksPanel::restoreChosen);
    connect(&m_filter, &QAbstractItemModel::rowsInserted, this, &TasksPanel::restoreChosen);
    connect(m_model, &QAbstractItemModel::rowsInserted, this, &TasksPanel::showWhatThereIs);
    connect(m_model, &QAbstractItemModel::rowsRemoved, this, &TasksPanel::showWhatThereIs);
    connect(m_table->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &TasksPanel::handleCurrent);
    connect(m_table->selectionModel(), &QItemSelectionModel::selectionChanged, this,
            &TasksPanel::selectionChanged);
}

void TasksPanel::setDefaultColumns()
{
    // In characters: a larger font makes wider columns.
    constexpr std::array<int, TaskModel::ColumnCount> Characters{17, 16, 16, 6, 25, 13, 11, 7, 9};
    const int unit = fontMetrics().averageCharWidth();
    for (int i = 0; i < TaskModel::ColumnCount; ++i)
        m_table->setColumnWidth(i, Characters[static_cast<std::size_t>(i)] * unit + 8);
}

QWidget *TasksPanel::makeEmptyPage()
{
    auto *page = new QWidget(this);
    page->setAutoFillBackground(true);
    page->setBackgroundRole(QPalette::Base);
    m_hintTitle = new QLabel(page);
    m_hint = new QLabel(page);
    m_clear = new QPushButton(tr("&Clear the filter"), page);
    QFont large = m_hintTitle->font();
    large.setPointSizeF(large.pointSizeF() * 1.5);
    m_hintTitle->setFont(large);
    for (QLabel *label : {m_hintTitle, m_hint}) {
        label->setAlignment(Qt::AlignCenter);
        label->setWordWrap(true);
        label->setTextFormat(Qt::PlainText);
    }
    m_hint->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_hint->setForegroundRole(QPalette::PlaceholderText);
    connect(m_clear, &QPushButton::clicked, this, &TasksPanel::clearFilter);
    auto *column = new QVBoxLayout(page);
    column->setSpacing(10);
    column->addStretch(2);
    column->addWidget(m_hintTitle);
    column->addWidget(m_hint);
    column->addWidget(m_clear, 0, Qt::AlignHCenter);
    column->addStretch(3);
    return page;
}

void TasksPanel::showWhatThereIs()
{
    const int all = m_model->rowCount();
    const int shown = m_filter.rowCount();
    const QString number = QLocale().toString(shown);
    m_count->setText(m_filter.isFiltering()
                         ? tr("%1 of %2 tasks").arg(number, QLocale().toString(all))
                         : (all == 1 ? tr("1 task") : tr("%1 tasks").arg(number)));
    m_pages->setCurrentIndex(shown == 0 ? 1 : 0);
    m_clear->setVisible(all > 0);
    if (all > 0) {
        m_hintTitle->setText(tr("No task matches"));
        m_hint->setText(tr("All %1 tasks are hidden by the filter.").arg(QLocale().toString(all)));
        return;
    }
    m_hintTitle->setText(tr("No tasks yet"));
    m_hint->setText(
        m_endpoint.isEmpty()
            ? tr("Open a notebook (Ctrl+O), or drop one here.")
            : tr("Open a notebook (Ctrl+O), drop one here,\nor connect an MCP client to %1")
                  .arg(m_endpoint));
}

void TasksPanel::setEndpoint(const QString &url)
{
    m_endpoint = url;
    showWhatThereIs();
}

void TasksPanel::clearFilter()
{
    m_text->clear();
    m_state->setCurrentIndex(0);
    m_filter.setText(QString());
    m_table->setFocus();
}

void TasksPanel::focusFilter()
{
    m_text->setFocus(Qt::ShortcutFocusReason);
    m_text->selectAll();
}

void TasksPanel::setTaskActions(const QList<QAction *> &actions)
{
    m_table->addActions(actions);
}

QList<TaskId> TasksPanel::selectedTasks() const
{
    QList<TaskId> ids;
    const QModelIndexList rows = m_table->selectionModel()->selectedRows();
    for (const QModelIndex &row : rows)
        ids.append(TaskId(row.data(TaskModel::IdRole).toLongLong()));
    return ids;
}

void TasksPanel::handleCurrent(const QModelIndex &current)
{
    if (m_isRearranging || !current.isValid())
        return;
    const TaskId id(current.data(TaskModel::IdRole).toLongLong());
    if (id == m_chosen)
        return;
    m_chosen = id;
    Q_EMIT taskChosen(id);
}

void TasksPanel::restoreChosen()
{
    m_isRearranging = true;
    QItemSelectionModel *selection = m_table->selectionModel();
    const QModelIndex index = m_filter.indexOf(m_chosen);
    const QModelIndex current = selection->currentIndex();
    if (!index.isValid())
        selection->clearCurrentIndex();
    else if (!current.isValid() || current.row() != index.row())
        selection->setCurrentIndex(
            index, selection->hasSelection()
                       ? QItemSelectionModel::NoUpdate
                       : QItemSelectionModel::SelectCurrent | QItemSelectionModel::Rows);
    m_isRearranging = false;
    showWhatThereIs();
}

QByteArray TasksPanel::saveColumns() const
{
    return m_table->horizontalHeader()->saveState();
}

void TasksPanel::restoreColumns(const QByteArray &state)
{
    QHeaderView *header = m_table->horizontalHeader();
    if (!header->restoreState(state)) {
        for (int i = 0; i < TaskModel::ColumnCount; ++i)
            header->moveSection(header->visualIndex(i), i);
        setDefaultColumns();
    }
    m_table->sortByColumn(header->sortIndicatorSection(), header->sortIndicatorOrder());
}

void TasksPanel::showEvent(QShowEvent *event)
{
    QWidget::showEvent(event);
    tick();
    m_second.start();
}

void TasksPanel::hideEvent(QHideEvent *event)
{
    QWidget::hideEvent(event);
    m_second.stop();
}

void TasksPanel::tick()
{
    m_model->setNow(SystemClock().now());
}

}  // namespace celldeck::ui
