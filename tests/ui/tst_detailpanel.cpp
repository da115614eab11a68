#include <QApplication>
#include <QLabel>
#include <QLineEdit>
#include <QTest>

#include "ui/panels/detailpanel.h"
#include "ui/support/fakefeed.h"
#include "ui/widgets/outputview.h"
#include "ui/widgets/questionbar.h"

using namespace celldeck;
using namespace celldeck::ui;
using storage::TaskId;
using storage::TaskRecord;
using storage::TaskState;

namespace {

TaskRecord running(std::int64_t id)
{
    TaskRecord task;
    task.id = TaskId(id);
    task.notebookPath = QStringLiteral("/n/a.ipynb");
    task.state = TaskState::Running;
    return task;
}

}  // namespace

/// What a cell asks for is asked below its outputs, and answered from there.
class TestDetailPanel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void aQuestionIsAnswered();
    void whatNobodyHeardCanBeAnswered();
    void aPasswordIsNotShown();
    void onlyTheChosenTaskAsks();
    void itGoesWithItsTask();
    void itGoesWhenSomebodyElseAnswers();
    void whoTypesElsewhereTypesOn();
    void aLongPromptScrolls();

private:
    [[nodiscard]] QuestionBar *bar() const { return m_panel->findChild<QuestionBar *>(); }
    [[nodiscard]] QLineEdit *line() const { return bar()->findChild<QLineEdit *>(); }

    std::unique_ptr<test::FakeFeed> m_feed;
    std::unique_ptr<DetailPanel> m_panel;
};

void TestDetailPanel::init()
{
    m_panel.reset();
    m_feed = std::make_unique<test::FakeFeed>();
    m_panel = std::make_unique<DetailPanel>(m_feed.get());
    m_panel->show();
    m_panel->showTask(running(1));
    QVERIFY(!bar()->isVisible());
}

void TestDetailPanel::aQuestionIsAnswered()
{
    Q_EMIT m_feed->inputRequested({TaskId(1), QStringLiteral("Your <b>name</b>? "), false});
    QVERIFY(bar()->isVisible());
    QCOMPARE(line()->echoMode(), QLineEdit::Normal);
    QTest::keyClicks(line(), QStringLiteral("Ada"));
    QTest::keyClick(line(), Qt::Key_Return);
    QCOMPARE(m_feed->asked.last(), QStringLiteral("answer %1 Ada").arg(toText(TaskId(1))));
    QVERIFY(!bar()->isVisible());
    QVERIFY(line()->text().isEmpty());

    // The next one, and an empty answer.
    Q_EMIT m_feed->inputRequested({TaskId(1), QString(), false});
    QVERIFY(bar()->isVisible());
    QTest::keyClick(line(), Qt::Key_Return);
    QCOMPARE(m_feed->asked.last(), QStringLiteral("answer %1 ").arg(toText(TaskId(1))));
}

void TestDetailPanel::whatNobodyHeardCanBeAnswered()
{
    m_panel->setFocus();
    Q_EMIT m_feed->inputRequested({.id = TaskId(1), .prompt = {}, .isUnheard = true});
    QVERIFY(bar()->isVisible());
    // It may have been a password, and perhaps there was no question at all.
    QCOMPARE(line()->echoMode(), QLineEdit::Password);
    QVERIFY(!line()->hasFocus());
    QTest::keyClicks(line(), QStringLiteral("Ada"));
    QTest::keyClick(line(), Qt::Key_Return);
    QCOMPARE(m_feed->asked.last(), QStringLiteral("answer %1 Ada").arg(toText(TaskId(1))));
    QVERIFY(!bar()->isVisible());
}

void TestDetailPanel::aPasswordIsNotShown()
{
    Q_EMIT m_feed->inputRequested({TaskId(1), QStringLiteral("Password: "), true});
    QCOMPARE(line()->echoMode(), QLineEdit::Password);
    QTest::keyClicks(line(), QStringLiteral("secret"));
    QTest::keyClick(line(), Qt::Key_Return);
    QVERIFY(line()->text().isEmpty());
    QVERIFY(!line()->isUndoAvailable());
}

void TestDetailPanel::onlyTheChosenTaskAsks()
{
    Q_EMIT m_feed->inputRequested({TaskId(2), QStringLiteral("?"), false});
    QVERIFY(!bar()->isVisible());
}

void TestDetailPanel::itGoesWithItsTask()
{
    Q_EMIT m_feed->inputRequested({TaskId(1), QStringLiteral("?"), true});
    QTest::keyClicks(line(), QStringLiteral("half"));
    m_panel->showTask(running(2));
    QVERIFY(!bar()->isVisible());
    QVERIFY(line()->text().isEmpty());

    Q_EMIT m_feed->inputRequested({TaskId(2), QStringLiteral("?"), false});
    TaskRecord ended = running(2);
    ended.state = TaskState::Interrupted;
    Q_EMIT m_feed->tasksChanged({ended});
    QVERIFY(!bar()->isVisible());
    // One that is late.
    Q_EMIT m_feed->inputRequested({TaskId(2), QStringLiteral("?"), false});
    QVERIFY(!bar()->isVisible());
}

void TestDetailPanel::itGoesWhenSomebodyElseAnswers()
{
    Q_EMIT m_feed->inputRequested({TaskId(1), QStringLiteral("?"), false});
    Q_EMIT m_feed->inputAnswered(TaskId(2));
    QVERIFY(bar()->isVisible());
    Q_EMIT m_feed->inputAnswered(TaskId(1));
    QVERIFY(!bar()->isVisible());
}

void TestDetailPanel::whoTypesElsewhereTypesOn()
{
    QWidget window;
    auto *other = new QLineEdit(&window);
    m_panel->setParent(&window);
    window.show();
    QVERIFY(QTest::qWaitForWindowActive(&window));
    m_panel->show();
    other->setFocus();
    Q_EMIT m_feed->inputRequested({TaskId(1), QStringLiteral("?"), false});
    QVERIFY(bar()->isVisible());
    QCOMPARE(QApplication::focusWidget(), other);
    Q_EMIT m_feed->inputAnswered(TaskId(1));
    // Who reads its outputs may answer at once.
    m_panel->findChild<OutputView *>()->setFocus();
    Q_EMIT m_feed->inputRequested({TaskId(1), QStringLiteral("?"), false});
    QCOMPARE(QApplication::focusWidget(), line());
    m_panel->setParent(nullptr);
}

void TestDetailPanel::aLongPromptScrolls()
{
    m_panel->resize(500, 600);
    Q_EMIT m_feed->inputRequested(
        {TaskId(1), QStringLiteral("\033[31moption\033[0m\n").repeated(80) + u"Choose: ", false});
    QVERIFY(bar()->isVisible());
    auto *prompt = bar()->findChild<QLabel *>();
    QCOMPARE(prompt->text(), QStringLiteral("option\n").repeated(80) + u"Choose: ");
    QCoreApplication::sendPostedEvents();
    QVERIFY2(bar()->sizeHint().height() < 300,
             qPrintable(QString::number(bar()->sizeHint().height())));
    QVERIFY(m_panel->minimumSizeHint().height() < 600);
    // Its end is what is asked.
    const QRect seen = prompt->visibleRegion().boundingRect();
    QVERIFY2(seen.bottom() >= prompt->height() - 2, qPrintable(QString::number(seen.bottom())));
}

QTEST_MAIN(TestDetailPanel)
#include "tst_detailpanel.moc"
