#include <QtTest>

#include "tasks/waitingline.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::tasks;

namespace {

TaskRecord task(int id, int batch = 0)
{
    TaskRecord made;
    made.id = TaskId(id);
    made.batch = TaskId(batch);
    return made;
}

QString ids(const WaitingLine &line)
{
    QStringList list;
    for (const TaskId id : line.ids())
        list << QString::number(id.value());
    return list.join(QLatin1Char(' '));
}

}  // namespace

class TestWaitingLine : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void goesInOrder();
    void moves_data();
    void moves();
    void givesABatch();
    void losesItsState();
};

void TestWaitingLine::goesInOrder()
{
    WaitingLine line;
    QVERIFY(line.isEmpty());
    line.append({task(1), task(2)});
    line.append({task(3)});
    QCOMPARE(line.takeFirst().id, TaskId(1));
    QVERIFY(!line.take(TaskId(1)));
    QCOMPARE(line.take(TaskId(3))->id, TaskId(3));
    QCOMPARE(ids(line), QStringLiteral("2"));
    QCOMPARE(line.takeAll().size(), 1);
    QVERIFY(line.isEmpty());
}

void TestWaitingLine::moves_data()
{
    QTest::addColumn<int>("id");
    QTest::addColumn<int>("position");
    QTest::addColumn<QString>("order");
    QTest::newRow("to the front") << 3 << 0 << "3 1 2 4";
    QTest::newRow("back") << 1 << 2 << "2 3 1 4";
    QTest::newRow("to the end") << 2 << 3 << "1 3 4 2";
    QTest::newRow("beyond the end") << 1 << 99 << "2 3 4 1";
    QTest::newRow("before the front") << 4 << -1 << "4 1 2 3";
    QTest::newRow("where it is") << 2 << 1 << "1 2 3 4";
    QTest::newRow("unknown") << 9 << 0 << "1 2 3 4";
}

void TestWaitingLine::moves()
{
    QFETCH(int, id);
    QFETCH(int, position);
    QFETCH(QString, order);
    WaitingLine line;
    line.append({task(1), task(2), task(3), task(4)});
    QCOMPARE(line.move(TaskId(id), position), id != 9);
    QCOMPARE(ids(line), order);
}

void TestWaitingLine::givesABatch()
{
    WaitingLine line;
    line.append({task(2, 1), task(3, 3), task(4, 1)});
    const QList<TaskRecord> batch = line.takeBatch(TaskId(1));
    QCOMPARE(batch.size(), 2);
    QCOMPARE(batch[1].id, TaskId(4));
    QCOMPARE(ids(line), QStringLiteral("3"));
}

void TestWaitingLine::losesItsState()
{
    WaitingLine line;
    line.append({task(1)});
    line.markStateLost();
    line.append({task(2)});
    QVERIFY(line.takeFirst().stateLost);
    QVERIFY(!line.takeFirst().stateLost);
}

QTEST_GUILESS_MAIN(TestWaitingLine)
#include "tst_waitingline.moc"
