#include <QtTest>

#include "storage/taskrecord.h"

using namespace celldeck;
using namespace celldeck::storage;

class TestTaskRecord : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void idsAreReadAsWritten()
    {
        const UtcTime time = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
        const TaskId id(firstIdAt(time).value() + 5);
        QCOMPARE(timeOf(id), time);
        QCOMPARE(toText(id).size(), 12);
        QCOMPARE(parseTaskId(toText(id)), Result<TaskId>(id));
        QCOMPARE(parseTaskId(toText(id).toUpper()), Result<TaskId>(id));
    }
    void textSortsAsTheIdsDo()
    {
        const UtcTime time = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
        QVERIFY(toText(firstIdAt(time)) < toText(firstIdAt(time + Milliseconds(1))));
    }
    void othersAreRefused_data()
    {
        QTest::addColumn<QString>("text");
        QTest::newRow("empty") << "";
        QTest::newRow("short") << "0123";
        QTest::newRow("long") << "0123456789abc";
        QTest::newRow("letter") << "01234567890u";
    }
    void othersAreRefused()
    {
        QFETCH(QString, text);
        QVERIFY(!parseTaskId(text));
    }
    void statesHaveTheirWords()
    {
        QCOMPARE(toText(TaskState::TimedOut), QStringLiteral("timeout"));
        for (int i = 0; i <= 6; ++i) {
            const auto state = static_cast<TaskState>(i);
            QCOMPARE(parseTaskState(toText(state)), std::optional(state));
        }
        QVERIFY(!parseTaskState(QStringLiteral("done")));
    }
};

QTEST_GUILESS_MAIN(TestTaskRecord)
#include "tst_taskrecord.moc"
