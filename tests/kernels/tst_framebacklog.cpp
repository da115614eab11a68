#include <unistd.h>

#include <QTemporaryDir>
#include <QtTest>
#include <random>

#include "async/background.h"
#include "kernels/framebacklog.h"
#include "support/fulldisk.h"

using namespace celldeck;
using namespace celldeck::kernels;
using celldeck::test::FullDisk;

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

struct OpenFile
{
    int fd = -1;
    qint64 size = -1;
};

/// The file of ours that has no name any more, or never had one.
OpenFile fileIn(const QString &folder)
{
    const QDir open(QStringLiteral("/proc/self/fd"));
    for (const QString &name :
         open.entryList(QDir::AllEntries | QDir::System | QDir::NoDotAndDotDot)) {
        QByteArray target(4'096, '\0');
        const auto size = ::readlink(QFile::encodeName(open.filePath(name)).constData(),
                                     target.data(), size_t(target.size()));
        if (size > 0 && target.left(size).startsWith(QFile::encodeName(folder + u'/')))
            return {name.toInt(), QFileInfo(open.filePath(name)).size()};
    }
    return {};
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
    void whatADiskThatIsFullRefusesStays();
    void whatCannotBeReadBackIsSaid();
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
            if (!expected.empty()) {
                QCOMPARE(*backlog.pop(), expected.front());
                expected.pop_front();
            }
            if (random() % 100 == 0)
                finishBackground();  // So that much of it is read back.
        }
    }
    for (; !expected.empty(); expected.pop_front())
        QCOMPARE(*backlog.pop(), expected.front());
    QVERIFY(backlog.isEmpty());
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
    finishBackground();
    QVERIFY(fileIn(folder.path()).size >= backlog.bytesOnDisk());
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
    backlog.push({QByteArrayLiteral("new")});
    QCOMPARE(*backlog.pop(), Frames{QByteArrayLiteral("new")});
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

void TestFrameBacklog::whatADiskThatIsFullRefusesStays()
{
    QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QStringLiteral("stays in memory")));
    const QTemporaryDir folder;
    FrameBacklog backlog(folder.path(), Waiting);
    {
        const FullDisk full;
        for (int i = 0; i < 100; ++i)
            backlog.push({QByteArray::number(i), QByteArray(100, 'x')});
        finishBackground();
    }
    QCOMPARE(fileIn(folder.path()).size, 0);
    for (int i = 0; i < 100; ++i)
        QCOMPARE(backlog.pop()->front(), QByteArray::number(i));
}

void TestFrameBacklog::whatCannotBeReadBackIsSaid()
{
    const QTemporaryDir folder;
    FrameBacklog backlog(folder.path(), Waiting);
    for (int i = 0; i < 100; ++i)
        backlog.push({QByteArray::number(i), QByteArray(100, 'x')});
    finishBackground();
    QCOMPARE(::ftruncate(fileIn(folder.path()).fd, 0), 0);
    int taken = 0;
    int lost = 0;
    while (!backlog.isEmpty()) {
        const Result<Frames> frames = backlog.pop();
        ++(frames ? taken : lost);
        if (!frames)
            QVERIFY(frames.error().message.contains(QStringLiteral("cannot be read back")));
    }
    // What was in memory is there: the first of all and the last.
    QVERIFY(lost > 0 && taken > 2);
}

QTEST_GUILESS_MAIN(TestFrameBacklog)
#include "tst_framebacklog.moc"
