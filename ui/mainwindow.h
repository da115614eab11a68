#pragma once

#include <QMainWindow>

#include "engine/feed.h"
#include "ui/layoutstore.h"

class QLabel;
class QSettings;

namespace celldeck::ui {

class DetailPanel;
class EndpointLabel;
class NoticeBar;
class QueuePanel;
class TaskModel;
class TasksPanel;

/// The operations console: makes menus, docks and layout, and joins them to the feed. What goes
/// wrong is told in a bar, never in a box that stops the work.
/// Owner: the application, which keeps `feed` and `settings` alive longer. Thread: GUI.
class MainWindow final : public QMainWindow
{
    Q_OBJECT

public:
    /// How many tasks it asks for at the start; later ones come by themselves.
    static constexpr int TasksAtStart = 5000;

    /// `settings` may be null: then nothing is kept.
    MainWindow(Feed *feed, QSettings *settings, QWidget *parent = nullptr);
    ~MainWindow() override;

    [[nodiscard]] TasksPanel *tasksPanel() const { return m_tasks; }

    /// Also for what a second start passes on.
    void runNotebook(const QString &path);

    /// To the front of all windows, also from the task bar.
    void present();

protected:
    void showEvent(QShowEvent *event) override;
    void closeEvent(QCloseEvent *event) override;
    void dragEnterEvent(QDragEnterEvent *event) override;
    void dropEvent(QDropEvent *event) override;

private:
    struct Actions
    {
        QAction *run = nullptr;
        QAction *cancel = nullptr;
        QAction *copyCode = nullptr;
        QAction *copyOutputs = nullptr;
        QAction *copyId = nullptr;
    };

    void makePanels();
    void makeActions();
    void makeMenus();
    void makeToolBar();
    void makeStatusBar();
    void connectFeed();
    QDockWidget *addDock(const QString &name, const QString &title, QWidget *panel,
                         Qt::DockWidgetArea area);
    QAction *addNewAction(const QString &icon, const QString &text, const QKeySequence &shortcut,
                          void (MainWindow::*handler)());

    void handleTasks(const QList<storage::TaskRecord> &tasks);
    void handleStats(const storage::TaskStats &stats);
    void handleEndpoint(const EndpointStatus &status);
    void handleFailed(const QString &message);
    void handleChosen(storage::TaskId id);
    void updateActions();

    void chooseNotebook();
    void cancelTasks();
    void copyCode();
    void copyOutputs();
    void copyId();
    void copy(const QString &text, const QString &what);
    void resetLayout();
    void placeDocks();
    void sizeDocks();

    Feed *m_feed;
    QSettings *m_settings;
    LayoutStore m_layout;
    TaskModel *m_model;
    TasksPanel *m_tasks = nullptr;
    QueuePanel *m_queue = nullptr;
    DetailPanel *m_detail = nullptr;
    NoticeBar *m_notice = nullptr;
    EndpointLabel *m_endpoint = nullptr;
    QLabel *m_counts = nullptr;
    QDockWidget *m_queueDock = nullptr;
    QDockWidget *m_detailDock = nullptr;
    Actions m_actions;
    bool m_hasLayout = false;  ///< One that was saved; not after a reset.
    bool m_wasShown = false;
};

}  // namespace celldeck::ui
