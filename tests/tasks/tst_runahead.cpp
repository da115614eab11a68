#include <QTemporaryDir>
#include <QtTest>
#include <optional>

#include "base/clock.h"
#include "storage/database.h"
#include "storage/stores.h"
#include "support/await.h"
#include "support/fulldisk.h"
#include "tasks/runahead.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::tasks;
using celldeck::test::await;
using celldeck::test::FullDisk;

/// With a real database, whose writer is held up where the disk is to be behind.
class TestRunAhead : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup();
    void oneIsAnnouncedWhereTheDiskKeepsUp();
    void moreAreWhereItDoesNot();
    void endsAreWaitedForBeyondTheDepth();
    void whatIsNotSentIsTakenBackWithTheRest();
    void anotherOrderTakesAllBack();
    void aLongCellTakesAllBack();
    void whatTheDiskDoesNotTakeBackIsTakenBackLater();
    void whatIsAnnouncedAgainMeanwhileStays();

private:
    /// As the disk has them, in the order of the tasks: "-" for none.
    QString announced() const
    {
        QStringList ids;
        (void)await(m_stores->tasks.announce(TaskId(), {}));  // behind all that was asked for
        for (const TaskId id : m_ids) {
            const auto detail = await(m_stores->tasks.load(id));
            const QByteArray messageId = detail ? detail->task.messageId : QByteArray("?");
            ids << (messageId.isEmpty() ? QStringLiteral("-") : QString::fromLatin1(messageId));
        }
        return ids.join(QLatin1Char(' '));
    }
    void announce()
    {
        m_ahead->announce(m_line, [this] { return QByteArray::number(++m_number); });
    }
    /// A cell that has ended before the disk knows what lies behind it.
    void fallBehind()
    {
        const auto hold = m_stores->tasks.together();
        announce();
        m_ahead->cellBegan();
        m_ahead->cellEnded();
    }

    /// Two, and returns when the disk has refused it.
    void takeBackInVain()
    {
        fallBehind();
        announce();
        QCOMPARE(announced(), QStringLiteral("1 2 - - - - - - - - - -"));
        const FullDisk full;
        m_ahead->withdraw();
        const Result<> behind = await(m_stores->tasks.announce(m_ids.last(), "x"));
        QVERIFY(!behind);
        QCOMPARE(behind.error().code, ErrorCode::StorageUnavailable);
    }

    std::unique_ptr<QTemporaryDir> m_dir;
    std::unique_ptr<Database> m_database;
    std::unique_ptr<Stores> m_stores;
    std::unique_ptr<RunAhead> m_ahead;
    WaitingLine m_line;
    QList<TaskId> m_ids;
    int m_number = 0;
};

void TestRunAhead::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    m_database = std::make_unique<Database>(m_dir->filePath(QStringLiteral("state.db")));
    m_stores = std::make_unique<Stores>(*m_database);
    QVERIFY(m_database->open());
    QList<TaskDraft> drafts;
    for (int i = 0; i < 12; ++i) {
        TaskDraft draft;
        draft.notebookPath = QStringLiteral("/a.ipynb");
        draft.code = QString::number(i);
        drafts << draft;
    }
    const auto tasks = await(m_stores->tasks.insert(drafts, SystemClock().now()));
    QVERIFY(tasks);
    m_line = {};
    m_line.append(*tasks);
    m_ids = m_line.ids();
    m_number = 0;
    m_ahead = std::make_unique<RunAhead>(m_stores->tasks);
}

void TestRunAhead::cleanup()
{
    m_ahead.reset();
    m_stores.reset();
    m_database.reset();
}

void TestRunAhead::oneIsAnnouncedWhereTheDiskKeepsUp()
{
    for (int i = 0; i < 3; ++i) {
        announce();
        QCOMPARE(announced().count(QLatin1Char('-')), 11 - i);
        m_ahead->cellBegan();
        m_ahead->cellEnded();
        const auto next = m_ahead->take(m_line.takeFirst().id);
        QVERIFY(next);
        QVERIFY(next->onDisk.isResolved());
        QCOMPARE(next->messageId, QByteArray::number(i + 1));
    }
}

void TestRunAhead::moreAreWhereItDoesNot()
{
    fallBehind();
    QCOMPARE(announced(), QStringLiteral("1 - - - - - - - - - - -"));
    announce();
    QCOMPARE(announced(), QStringLiteral("1 2 - - - - - - - - - -"));
    for (int i = 0; i < 5; ++i) {
        (void)m_ahead->take(m_line.takeFirst().id);
        fallBehind();
    }
    // Eight at most, behind the five that were taken.
    announce();
    QCOMPARE(announced().count(QLatin1Char('-')), 0);
    QCOMPARE(m_number, 12);
}

void TestRunAhead::endsAreWaitedForBeyondTheDepth()
{
    TaskScope scope;
    const Waiter<> first;
    const Waiter<> second;
    m_ahead->add(first);
    fallBehind();  // now two are allowed, one of them that of the cell that has ended
    m_ahead->add(second);
    bool hasRoom = false;
    bool isDone = false;
    const auto waitFor = [&](RunAhead::Ends left, bool &flag) -> QCoro::Task<> {
        const Result<> waited = co_await m_ahead->wait(left, scope);
        flag = waited.has_value();
    };
    scope.start(waitFor(RunAhead::Ends::WithinDepth, hasRoom));
    QCoreApplication::processEvents();
    QVERIFY(!hasRoom);
    first.resolve({});
    QTRY_VERIFY(hasRoom);
    scope.start(waitFor(RunAhead::Ends::None, isDone));
    QCoreApplication::processEvents();
    QVERIFY(!isDone);
    QVERIFY(!m_ahead->lastEnd().isResolved());
    second.resolve({});
    QTRY_VERIFY(isDone);
    QVERIFY(m_ahead->lastEnd().isResolved());
}

void TestRunAhead::whatIsNotSentIsTakenBackWithTheRest()
{
    fallBehind();
    announce();
    QCOMPARE(announced(), QStringLiteral("1 2 - - - - - - - - - -"));
    auto next = m_ahead->take(m_line.at(0).id);
    QVERIFY(next);
    m_ahead->giveBack(std::move(*next));
    // An engine that is ended in order leaves no word of what has left: they would count as begun.
    QCOMPARE(announced(), QStringLiteral("- - - - - - - - - - - -"));
}

void TestRunAhead::anotherOrderTakesAllBack()
{
    fallBehind();
    announce();
    QVERIFY(m_line.move(m_ids.last(), 0));
    announce();
    QCOMPARE(announced(), QStringLiteral("4 - - - - - - - - - - 3"));
    QVERIFY(!m_ahead->take(m_ids.first()));
    QCOMPARE(announced(), QStringLiteral("- - - - - - - - - - - -"));
}

void TestRunAhead::aLongCellTakesAllBack()
{
    fallBehind();
    announce();
    m_ahead->cellBegan();
    QTRY_COMPARE(announced(), QStringLiteral("- - - - - - - - - - - -"));
    announce();
    QCOMPARE(announced(), QStringLiteral("3 - - - - - - - - - - -"));
}

void TestRunAhead::whatTheDiskDoesNotTakeBackIsTakenBackLater()
{
    takeBackInVain();
    QCOMPARE(announced(), QStringLiteral("1 2 - - - - - - - - - -"));
    QTRY_COMPARE(announced(), QStringLiteral("- - - - - - - - - - - -"));
}

void TestRunAhead::whatIsAnnouncedAgainMeanwhileStays()
{
    takeBackInVain();
    WaitingLine first;
    first.append({m_line.takeFirst()});
    m_line = first;
    announce();
    QCOMPARE(announced(), QStringLiteral("3 2 - - - - - - - - - -"));
    // The other one's turn comes behind its own.
    QTRY_COMPARE(announced(), QStringLiteral("3 - - - - - - - - - - -"));
}

QTEST_GUILESS_MAIN(TestRunAhead)

#include "tst_runahead.moc"
