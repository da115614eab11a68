#include <QTemporaryDir>
#include <QtTest>
#include <random>

#include "kernels/framebacklog.h"

using namespace celldeck::kernels;

namespace {

constexpr qint64 Waiting = 1'000;

/// Any number of frames, also none; any bytes, also none, and more than may wait.
Frames anyMessage(std::mt19937 &random, int number)
{
    Frames frames(random() % 4);
    for (QByteArray &frame : frames) {
        frame = QByteArray(qsizetype(random() % 8 == 0 ? random() % 3'000 : random() % 60),
                           char(random()));
    }
    frames.push_back(QByteArray::number(number));
    return frames;
}

}  // namespace

class TestFrameBacklog : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void firstComeFirstTaken_data();
    void firstComeFirstTaken();
    void whatWaitsIsOnDisk();
    void theDiskGetsItsRoomBack();
    void whatIsClearedIsGone();
    void whatTheDiskRefusesStays();
};

void TestFrameBacklog::firstComeFirstTaken_data()
{
    QTest::addColumn<bool>("hasFolder");
    QTest::newRow("with a folder") << true;
    QTest::newRow("in memory") << false;
}

void TestFrameBacklog::firstComeFirstTaken()
{
    QFETCH(const bool, hasFolder);
    const QTemporaryDir folder;
    FrameBacklog backlog(hasFolder ? folder.path() : QString(), Waiting);
    const unsigned seed = std::random_device()();
    qInfo("SEED=%u", seed);
    std::mt19937 random(seed);
    std::deque<Frames> expected;
    qint64 mostOnDisk = 0;
    for (int number = 0; number < 20'000; ++number) {
        // By turns more comes than is taken, and less.
        const unsigned chance = number / 1'000 % 2 == 0 ? 70 : 30;
        if (random() % 100 < chance) {
            expected.push_back(anyMessage(random, number));
            backlog.push(expected.back());
            mostOnDisk = std::max(mostOnDisk, backlog.bytesOnDisk());
        } else {
            QCOMPARE(backlog.isEmpty(), expected.empty());
            const std::optional<Frames> taken = backlog.pop();
            QCOMPARE(taken.has_value(), !expected.empty());
            if (taken) {
                QCOMPARE(*taken, expected.front());
                expected.pop_front();
            }
        }
    }
    for (; !expected.empty(); expected.pop_front())
        QCOMPARE(backlog.pop(), expected.front());
    QVERIFY(!backlog.pop());
    QCOMPARE(mostOnDisk > 0, hasFolder);
}

void TestFrameBacklog::whatWaitsIsOnDisk()
{
    const QTemporaryDir folder;
    FrameBacklog backlog(folder.path(), Waiting);
    for (int i = 0; i < 100; ++i)
        backlog.push({QByteArray(100, 'x')});
    // All but what is next, and what is not enough for a block yet.
    QVERIFY(backlog.bytesOnDisk() > 100 * 100 - 2 * Waiting);
    // And nothing of it is left if we are killed.
    QVERIFY(QDir(folder.path()).isEmpty(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot));
}

void TestFrameBacklog::theDiskGetsItsRoomBack()
{
    const QTemporaryDir folder;
    FrameBacklog backlog(folder.path(), Waiting);
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 100; ++i)
            backlog.push({QByteArray::number(i), QByteArray(100, 'x')});
        QVERIFY(backlog.bytesOnDisk() > 0);
        QVERIFY(backlog.bytesOnDisk() < 100 * 200);
        for (int i = 0; i < 100; ++i)
            QCOMPARE(backlog.pop()->front(), QByteArray::number(i));
        QVERIFY(backlog.isEmpty());
        QCOMPARE(backlog.bytesOnDisk(), 0);
    }
}

void TestFrameBacklog::whatIsClearedIsGone()
{
    const QTemporaryDir folder;
    FrameBacklog backlog(folder.path(), Waiting);
    for (int i = 0; i < 100; ++i)
        backlog.push({QByteArray(100, 'x')});
    backlog.clear();
    QVERIFY(backlog.isEmpty());
    QVERIFY(!backlog.pop());
    backlog.push({QByteArrayLiteral("new")});
    QCOMPARE(backlog.pop(), Frames{QByteArrayLiteral("new")});
}

void TestFrameBacklog::whatTheDiskRefusesStays()
{
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("stays in memory")));
    FrameBacklog backlog(QStringLiteral("/nowhere"), Waiting);
    for (int i = 0; i < 100; ++i)
        backlog.push({QByteArray::number(i), QByteArray(100, 'x')});
    for (int i = 0; i < 100; ++i)
        QCOMPARE(backlog.pop()->front(), QByteArray::number(i));
    QVERIFY(backlog.isEmpty());
}

QTEST_GUILESS_MAIN(TestFrameBacklog)
#include "tst_framebacklog.moc"
