#include <QAction>
#include <QDockWidget>
#include <QSettings>
#include <QTableView>
#include <QTemporaryDir>
#include <QtTest>

#include "support/fakefeed.h"
#include "support/samples.h"
#include "ui/mainwindow.h"
#include "ui/theme.h"
#include "ui/widgets/endpointlabel.h"

using namespace celldeck;
using namespace celldeck::ui;
using celldeck::storage::TaskState;
using celldeck::ui::test::FakeFeed;
using celldeck::ui::test::sample;

/// The window as a whole, with a feed that says what the test says.
class TestMainWindow : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void docksKeepTheirSizes();
    void onlyWhatHasNotEndedIsCancelled();
    void aThemeReachesWhatHasColoursOfItsOwn();

private:
    static QDockWidget *dock(const MainWindow &window, const char *name)
    {
        return window.findChild<QDockWidget *>(QLatin1String(name));
    }
};

void TestMainWindow::docksKeepTheirSizes()
{
    const QTemporaryDir folder;
    QSettings settings(folder.filePath(QStringLiteral("a.ini")), QSettings::IniFormat);
    FakeFeed feed;
    int height = 0;
    int width = 0;
    {
        MainWindow window(&feed, &settings);
        window.show();
        QVERIFY(QTest::qWaitForWindowExposed(&window));
        QDockWidget *queue = dock(window, "queue");
        // As high as it must be and no higher: the table has the rest.
        QTRY_COMPARE(queue->widget()->height(), queue->widget()->minimumSizeHint().height());
        window.resizeDocks({dock(window, "details")}, {333}, Qt::Horizontal);
        QTRY_COMPARE(dock(window, "details")->width(), 333);
        height = queue->height();
        width = window.width();
        QVERIFY(window.close());
    }
    MainWindow again(&feed, &settings);
    again.show();
    QVERIFY(QTest::qWaitForWindowExposed(&again));
    QTRY_COMPARE(dock(again, "queue")->height(), height);
    QTRY_COMPARE(dock(again, "details")->width(), 333);
    QCOMPARE(again.width(), width);
}

void TestMainWindow::onlyWhatHasNotEndedIsCancelled()
{
    FakeFeed feed;
    MainWindow window(&feed, nullptr);
    window.show();
    Q_EMIT feed.tasksListed({sample(1, TaskState::Completed), sample(2, TaskState::Running)});
    auto *table = window.findChild<QTableView *>();
    const auto actions = window.findChildren<QAction *>();
    const auto cancel = std::ranges::find_if(actions, [](QAction *one) {
        return one->shortcut() == QKeySequence(QKeySequence::Delete);
    });
    QVERIFY(cancel != actions.end());
    QVERIFY(!(*cancel)->isEnabled());
    table->selectRow(1);
    QVERIFY(!(*cancel)->isEnabled());
    table->selectAll();
    QVERIFY((*cancel)->isEnabled());
    (*cancel)->trigger();
    QCOMPARE(feed.asked.filter(QStringLiteral("cancel")),
             QStringList{QStringLiteral("cancel ") + toText(sample(2).id)});
}

void TestMainWindow::aThemeReachesWhatHasColoursOfItsOwn()
{
    applyTheme(*qApp, ThemeChoice::Light);
    FakeFeed feed;
    MainWindow window(&feed, nullptr);
    window.show();
    QVERIFY(QTest::qWaitForWindowExposed(&window));
    Q_EMIT feed.statsChanged({.completed = 7, .failed = 0, .walBytes = 1000});
    Q_EMIT feed.endpointChanged(
        {.listening = true, .url = QStringLiteral("http://x"), .error = {}});
    Q_EMIT feed.tasksListed({sample(1, TaskState::Failed)});
    window.findChild<QTableView *>()->selectRow(0);
    for (const ThemeChoice choice : {ThemeChoice::Dark, ThemeChoice::Light, ThemeChoice::Dark}) {
        applyTheme(*qApp, choice);
        const QPalette general = QApplication::palette();
        QCOMPARE(isDark(general), choice == ThemeChoice::Dark);
        const auto colour = [&](const char *name) {
            return window.findChild<QWidget *>(QLatin1String(name))
                ->palette()
                .color(QPalette::WindowText);
        };
        QTRY_COMPARE(colour("completed"), stateColour(TaskState::Completed, general));
        QTRY_COMPARE(colour("failed"), mutedColour(general));
        QTRY_COMPARE(colour("wal"), general.color(QPalette::WindowText));
        QTRY_COMPARE(colour("state"), stateColour(TaskState::Failed, general));
        QTRY_COMPARE(
            window.findChild<QWidget *>(QStringLiteral("error"))->palette().color(QPalette::Window),
            tint(stateColour(TaskState::Failed, general), general));
        QTRY_COMPARE(window.findChild<EndpointLabel *>()->palette().color(QPalette::ButtonText),
                     general.color(QPalette::WindowText));
    }
}

QTEST_MAIN(TestMainWindow)
#include "tst_mainwindow.moc"
