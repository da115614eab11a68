#include <QSemaphore>
#include <QtTest>

#include "async/background.h"
#include "sweepfixture.h"

using namespace celldeck;
using namespace celldeck::assets;
using celldeck::storage::CleanupMode;
using namespace celldeck::test;
using namespace std::chrono_literals;

/// A sweep that stops half-way, or finds what one has left that did.
class TestSweepStops : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void itMayStopAtEachSearch_data();
    void itMayStopAtEachSearch();
    void everyStateThatACrashMayLeaveIsPutRight_data();
    void everyStateThatACrashMayLeaveIsPutRight();
    void oneAtATime();
};

void TestSweepStops::itMayStopAtEachSearch_data()
{
    QTest::addColumn<int>("stopAt");
    QTest::addColumn<bool>("named");
    for (int stopAt = 1; stopAt <= 2; ++stopAt) {
        QTest::addRow("search %d, then nothing changes", stopAt) << stopAt << false;
        QTest::addRow("search %d, then it is named", stopAt) << stopAt << true;
    }
}

/// The sweep is dropped in the middle, as by a crash, and another one goes on.
void TestSweepStops::itMayStopAtEachSearch()
{
    QFETCH(int, stopAt);
    QFETCH(bool, named);
    Fixture f;
    const QString asset = f.add("in between");
    f.clock.advance(24h);
    std::atomic<bool> reached = false;
    QSemaphore goOn;
    f.beforeSearch = [&](int number) {
        if (number != stopAt)
            return;
        reached = true;
        goOn.acquire();
    };
    const auto dropped = f.cleaner->runOnce({});
    QTRY_VERIFY(reached);
    f.cleaner.reset();
    goOn.release();
    QVERIFY(!await(dropped));
    finishBackground();  // the search of the one that was dropped
    QCOMPARE(QFile::exists(asset), stopAt == 1);
    QCOMPARE(QFile::exists(f.trashed(asset)), stopAt == 2);
    if (named)
        write(f.notebook, notebookNaming(QFileInfo(asset).fileName()));
    AssetCleaner next(f.store, f.keeper, {});
    const auto report = await(next.runOnce({}));
    QVERIFY(report);
    QCOMPARE(QFile::exists(asset), named);
    QCOMPARE(QFile::exists(f.trashed(asset)), !named);
}

void TestSweepStops::everyStateThatACrashMayLeaveIsPutRight_data()
{
    QTest::addColumn<int>("state");
    for (int state = 0; state < 32; ++state)
        QTest::addRow("%s, %s, %s, %s, %s", state & 1 ? "expired" : "leased",
                      state & 2 ? "marked as trash" : "not marked",
                      state & 4 ? "in its place" : "not in its place",
                      state & 8 ? "in the trash" : "not in the trash",
                      state & 16 ? "named" : "not named")
            << state;
}

/// Whatever a crash has left: what is leased or named is in its place after one sweep, if there is
/// any of it; the rest is in the trash, and in the end nothing of it is left.
void TestSweepStops::everyStateThatACrashMayLeaveIsPutRight()
{
    QFETCH(int, state);
    const bool isExpired = state & 1;
    const bool isMarked = state & 2;
    const bool isInPlace = state & 4;
    const bool isInTrash = state & 8;
    const bool isNamed = state & 16;
    Fixture f;
    const QString asset = f.add("whatever");
    f.clock.advance(24h);
    if (isMarked)
        QVERIFY(await(f.store.markTrashed(asset, f.keeper.now().lease)));
    if (!isExpired)
        QVERIFY(await(f.keeper.renew(asset)));
    if (isInTrash)
        write(f.trashed(asset), "whatever");
    if (!isInPlace)
        QVERIFY(QFile::remove(asset));
    if (isNamed)
        write(f.notebook, notebookNaming(QFileInfo(asset).fileName()));
    const bool isThere = isInPlace || isInTrash;
    QVERIFY(f.sweep());
    const bool stays = !isExpired || isNamed;
    QCOMPARE(QFile::exists(asset), isThere && stays);
    QCOMPARE(QFile::exists(f.trashed(asset)), isThere && !stays);
    QCOMPARE(f.isKnown(asset), isThere || stays);
    // A second one has nothing to put right.
    const auto again = f.sweep();
    QVERIFY(again);
    QCOMPARE(again->assets + again->deleted + again->restored, 0);
    QCOMPARE(QFile::exists(asset), isThere && stays);
    write(f.notebook, "{}");
    f.clock.advance(24h);
    QVERIFY(f.sweep());
    f.clock.advance(TrashGrace);
    QVERIFY(f.sweep());
    QVERIFY(!QFile::exists(asset));
    QVERIFY(!QFile::exists(f.trashed(asset)));
    QVERIFY(!f.isKnown(asset));
}

void TestSweepStops::oneAtATime()
{
    Fixture f;
    f.add("x");
    f.clock.advance(24h);
    const auto first = f.cleaner->runOnce({});
    QCOMPARE(f.sweep().error().code, ErrorCode::Conflict);
    QVERIFY(await(first));
    QVERIFY(f.sweep());
}

QTEST_GUILESS_MAIN(TestSweepStops)
#include "tst_sweepstops.moc"
