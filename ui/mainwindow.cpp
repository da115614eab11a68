#include "ui/mainwindow.h"

#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QCloseEvent>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QLabel>
#include <QLocale>
#include <QMenuBar>
#include <QMimeData>
#include <QSettings>
#include <QStatusBar>
#include <QTableView>
#include <QToolBar>
#include <QVBoxLayout>
#include <array>

#include "ui/dialogs/aboutbox.h"
#include "ui/models/taskmodel.h"
#include "ui/models/wording.h"
#include "ui/panels/detailpanel.h"
#include "ui/panels/queuepanel.h"
#include "ui/panels/taskspanel.h"
#include "ui/theme.h"
#include "ui/widgets/endpointlabel.h"
#include "ui/widgets/noticebar.h"
#include "ui/widgets/thememenu.h"

namespace celldeck::ui {

using storage::TaskId;
using storage::TaskRecord;

namespace {

constexpr QSize DefaultSize{1280, 820};
constexpr int MessageMs = 4000;

QString folderKey()
{
    return QStringLiteral("notebooks/folder");
}

QStringList notebooksIn(const QMimeData *data)
{
    QStringList paths;
    const QList<QUrl> urls = data->urls();
    for (const QUrl &url : urls) {
        const QString path = url.toLocalFile();
        if (path.endsWith(QLatin1String(".ipynb"), Qt::CaseInsensitive))
            paths.append(path);
    }
    return paths;
}

}  // namespace

MainWindow::MainWindow(Feed *feed, QSettings *settings, QWidget *parent)
    : QMainWindow(parent),
      m_feed(feed),
      m_settings(settings),
      m_layout(settings),
      m_model(new TaskModel(TaskModel::DefaultCapacity, this))
{
    setObjectName(QStringLiteral("mainwindow"));
    setWindowTitle(tr("Celldeck"));
    setWindowIcon(applicationIcon());
    setAcceptDrops(true);
    setUnifiedTitleAndToolBarOnMac(true);
    makePanels();
    makeActions();
    makeMenus();
    makeToolBar();
    makeStatusBar();
    connectFeed();
    resetLayout();
    if (m_layout.restore(*this)) {
        m_hasLayout = true;
        m_tasks->restoreColumns(m_layout.columns());
    }
    updateActions();
    m_feed->requestTasks(TasksAtStart);
}

MainWindow::~MainWindow() = default;

void MainWindow::makePanels()
{
    m_notice = new NoticeBar(this);
    m_tasks = new TasksPanel(m_model, this);
    auto *centre = new QWidget(this);
    auto *column = new QVBoxLayout(centre);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(m_notice);
    column->addWidget(m_tasks, 1);
    setCentralWidget(centre);
    m_queue = new QueuePanel(this);
    m_detail = new DetailPanel(m_feed, this);
    m_queueDock = addDock(QStringLiteral("queue"), tr("Queue"), m_queue, Qt::TopDockWidgetArea);
    m_detailDock =
        addDock(QStringLiteral("details"), tr("Task details"), m_detail, Qt::RightDockWidgetArea);
    // The details may have the window's whole height.
    setCorner(Qt::TopRightCorner, Qt::RightDockWidgetArea);
    setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);
    connect(m_tasks, &TasksPanel::taskChosen, this, &MainWindow::handleChosen);
    connect(m_tasks, &TasksPanel::selectionChanged, this, &MainWindow::updateActions);
}

QDockWidget *MainWindow::addDock(const QString &name, const QString &title, QWidget *panel,
                                 Qt::DockWidgetArea area)
{
    auto *dock = new QDockWidget(title, this);
    dock->setObjectName(name);
    dock->setWidget(panel);
    addDockWidget(area, dock);
    return dock;
}

QAction *MainWindow::addNewAction(const QString &icon, const QString &text,
                                  const QKeySequence &shortcut, void (MainWindow::*handler)())
{
    auto *action = new QAction(themedIcon(icon), text, this);
    action->setShortcut(shortcut);
    connect(action, &QAction::triggered, this, handler);
    return action;
}

void MainWindow::makeActions()
{
    m_actions.run = addNewAction(QStringLiteral("run"), tr("&Run notebook…"), QKeySequence::Open,
                                 &MainWindow::chooseNotebook);
    m_actions.cancel = addNewAction(QStringLiteral("cancel"), tr("&Cancel task"),
                                    QKeySequence::Delete, &MainWindow::cancelTasks);
    m_actions.copyCode = addNewAction(QStringLiteral("code"), tr("C&opy code"),
                                      Qt::CTRL | Qt::SHIFT | Qt::Key_C, &MainWindow::copyCode);
    m_actions.copyOutputs =
        addNewAction(QStringLiteral("outputs"), tr("Copy o&utputs"),
                     Qt::CTRL | Qt::SHIFT | Qt::Key_O, &MainWindow::copyOutputs);
    m_actions.copyId = addNewAction(QStringLiteral("id"), tr("Copy task &id"),
                                    Qt::CTRL | Qt::SHIFT | Qt::Key_I, &MainWindow::copyId);
    m_actions.run->setIconText(tr("Run notebook…"));
    m_actions.run->setToolTip(tr("Run all cells of a notebook (Ctrl+O)"));
    m_actions.cancel->setToolTip(tr("Cancel the selected tasks (Del)"));
    // Del must stay the text's where text is edited.
    m_actions.cancel->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    m_tasks->setTaskActions(
        {m_actions.cancel, m_actions.copyCode, m_actions.copyOutputs, m_actions.copyId});
}

void MainWindow::makeMenus()
{
    QMenu *file = menuBar()->addMenu(tr("&File"));
    file->addAction(m_actions.run);
    file->addSeparator();
    auto *quit = new QAction(themedIcon(QStringLiteral("quit")), tr("&Quit"), this);
    quit->setShortcut(QKeySequence::Quit);
    quit->setMenuRole(QAction::QuitRole);
    connect(quit, &QAction::triggered, qApp, &QCoreApplication::quit);
    file->addAction(quit);

    QMenu *task = menuBar()->addMenu(tr("&Task"));
    task->addAction(m_actions.cancel);
    task->addSeparator();
    task->addActions({m_actions.copyCode, m_actions.copyOutputs, m_actions.copyId});

    QMenu *view = menuBar()->addMenu(tr("&View"));
    view->addAction(m_queueDock->toggleViewAction());
    view->addAction(m_detailDock->toggleViewAction());
    view->addSeparator();
    auto *find = new QAction(themedIcon(QStringLiteral("search")), tr("&Filter tasks"), this);
    find->setShortcut(QKeySequence::Find);
    connect(find, &QAction::triggered, m_tasks, &TasksPanel::focusFilter);
    view->addAction(find);
    view->addMenu(new ThemeMenu(m_settings, this));
    view->addSeparator();
    view->addAction(
        addNewAction(QStringLiteral("layout"), tr("&Reset layout"), {}, &MainWindow::resetLayout));

    QMenu *help = menuBar()->addMenu(tr("&Help"));
    QAction *about = new QAction(themedIcon(QStringLiteral("info")), tr("&About Celldeck"), this);
    connect(about, &QAction::triggered, this, [this] { showAbout(this); });
    about->setMenuRole(QAction::AboutRole);
    help->addAction(about);
}

void MainWindow::makeToolBar()
{
    QToolBar *bar = addToolBar(tr("Toolbar"));
    bar->setObjectName(QStringLiteral("toolbar"));
    bar->setMovable(false);
    bar->setIconSize(QSize(18, 18));
    bar->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    bar->addAction(m_actions.run);
    bar->addSeparator();
    bar->addAction(m_actions.cancel);
    bar->addAction(m_actions.copyCode);
    bar->addAction(m_actions.copyOutputs);
}

void MainWindow::makeStatusBar()
{
    m_endpoint = new EndpointLabel(this);
    m_counts = new QLabel(this);
    m_counts->setAccessibleName(tr("Task counts"));
    m_counts->setContentsMargins(8, 0, 8, 0);
    statusBar()->addPermanentWidget(m_counts);
    statusBar()->addPermanentWidget(m_endpoint);
    connect(m_endpoint, &EndpointLabel::addressCopied, this, [this](const QString &url) {
        statusBar()->showMessage(tr("Copied %1").arg(url), MessageMs);
    });
}

void MainWindow::connectFeed()
{
    connect(m_feed, &Feed::tasksListed, this, &MainWindow::handleTasks);
    connect(m_feed, &Feed::tasksChanged, this, &MainWindow::handleTasks);
    connect(m_feed, &Feed::askingChanged, m_model, &TaskModel::setAsking);
    connect(m_feed, &Feed::statsChanged, this, &MainWindow::handleStats);
    connect(m_feed, &Feed::endpointChanged, this, &MainWindow::handleEndpoint);
    connect(m_feed, &Feed::failed, this, &MainWindow::handleFailed);
}

void MainWindow::handleTasks(const QList<TaskRecord> &tasks)
{
    m_model->apply(tasks);
    updateActions();
}

void MainWindow::handleStats(const storage::TaskStats &stats)
{
    m_queue->setStats(stats);
    const auto number = [](std::int64_t count) { return QLocale().toString(qlonglong{count}); };
    m_counts->setText(tr("%1 pending  ·  %2 running  ·  %3 completed  ·  %4 failed")
                          .arg(number(stats.pending), number(stats.running),
                               number(stats.completed), number(stats.failed)));
}

void MainWindow::handleEndpoint(const EndpointStatus &status)
{
    m_endpoint->setStatus(status);
    m_tasks->setEndpoint(status.listening ? status.url : QString());
}

void MainWindow::handleFailed(const QString &message)
{
    m_notice->showNotice(message);
    statusBar()->showMessage(message, MessageMs);
}

void MainWindow::handleChosen(TaskId id)
{
    if (const std::optional<int> row = m_model->rowOf(id))
        m_detail->showTask(m_model->taskAt(*row));
    updateActions();
}

void MainWindow::updateActions()
{
    bool canCancel = false;
    const QList<TaskId> selected = m_tasks->selectedTasks();
    for (const TaskId id : selected) {
        const std::optional<int> row = m_model->rowOf(id);
        canCancel = canCancel || (row && !storage::isFinal(m_model->taskAt(*row).state));
    }
    m_actions.cancel->setEnabled(canCancel);
    const bool hasTask = static_cast<bool>(m_detail->task().id);
    for (QAction *action : {m_actions.copyCode, m_actions.copyOutputs, m_actions.copyId})
        action->setEnabled(hasTask);
}

void MainWindow::runNotebook(const QString &path)
{
    m_feed->runNotebook(path);
    statusBar()->showMessage(tr("Running all cells of %1").arg(fileNameOf(path)), MessageMs);
}

void MainWindow::present()
{
    setWindowState(windowState() & ~Qt::WindowMinimized);
    show();
    raise();
    activateWindow();
}

void MainWindow::chooseNotebook()
{
    // Not exec(): tasks go on, and their news must be shown, while a person looks for a file.
    auto *dialog = new QFileDialog(this, tr("Run a notebook"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFiles);
    dialog->setNameFilters({tr("Jupyter notebooks (*.ipynb)"), tr("All files (*)")});
    if (m_settings)
        dialog->setDirectory(m_settings->value(folderKey()).toString());
    connect(dialog, &QFileDialog::filesSelected, this, [this, dialog](const QStringList &paths) {
        if (m_settings)
            m_settings->setValue(folderKey(), dialog->directory().absolutePath());
        for (const QString &path : paths)
            runNotebook(path);
    });
    dialog->open();
}

void MainWindow::cancelTasks()
{
    const QList<TaskId> selected = m_tasks->selectedTasks();
    for (const TaskId id : selected) {
        const std::optional<int> row = m_model->rowOf(id);
        if (row && !storage::isFinal(m_model->taskAt(*row).state))
            m_feed->cancelTask(id);
    }
}

void MainWindow::copyCode()
{
    copy(m_detail->task().code, tr("the code"));
}

void MainWindow::copyOutputs()
{
    copy(m_detail->outputsText(), tr("the outputs"));
}

void MainWindow::copyId()
{
    copy(storage::nameOf(m_detail->task()), tr("the task id"));
}

void MainWindow::copy(const QString &text, const QString &what)
{
    QGuiApplication::clipboard()->setText(text);
    statusBar()->showMessage(tr("Copied %1").arg(what), MessageMs);
}

void MainWindow::resetLayout()
{
    resize(DefaultSize);
    addDockWidget(Qt::TopDockWidgetArea, m_queueDock);
    addDockWidget(Qt::RightDockWidgetArea, m_detailDock);
    for (QDockWidget *dock : {m_queueDock, m_detailDock}) {
        dock->setFloating(false);
        dock->show();
    }
    m_tasks->restoreColumns({});
    m_hasLayout = false;
    if (isVisible())
        sizeDocks();
}

void MainWindow::placeDocks()
{
    if (!m_hasLayout || !m_layout.restoreDocks(*this))
        sizeDocks();
}

void MainWindow::sizeDocks()
{
    resizeDocks({m_detailDock}, {DefaultSize.width() * 35 / 100}, Qt::Horizontal);
    resizeDocks({m_queueDock}, {m_queue->minimumSizeHint().height()}, Qt::Vertical);
}

void MainWindow::showEvent(QShowEvent *event)
{
    QMainWindow::showEvent(event);
    // Docks have sizes only once the window has its own, which comes with the event after this.
    if (!std::exchange(m_wasShown, true))
        QMetaObject::invokeMethod(this, &MainWindow::placeDocks, Qt::QueuedConnection);
}

void MainWindow::closeEvent(QCloseEvent *event)
{
    m_layout.save(*this, m_tasks->saveColumns());
    QMainWindow::closeEvent(event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent *event)
{
    if (!notebooksIn(event->mimeData()).isEmpty())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent *event)
{
    event->acceptProposedAction();
    const QStringList paths = notebooksIn(event->mimeData());
    for (const QString &path : paths)
        runNotebook(path);
}

}  // namespace celldeck::ui
