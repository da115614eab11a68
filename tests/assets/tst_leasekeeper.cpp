#include <QTemporaryDir>
#include <QtTest>

#include "assets/leasekeeper.h"
#include "storage/database.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::assets;
using namespace celldeck::storage;
using celldeck::test::await;
using namespace std::chrono_literals;

namespace {

constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
constexpr auto Day = 24h;
const QString A = QStringLiteral("/n/a.ipynb");
const QString Plot = QStringLiteral("/n/assets/1234.png");

/// One engine's life on a database and a clock that outlive it.
struct Life
{
    Life(const QTemporaryDir &dir, const Clock &clock)
        : database(dir.filePath(QStringLiteral("state.db"))),
          tasks(database),
          store(database),
          keeper(store, clock)
    {
        opened = database.open();
        if (opened)
            opened = await(keeper.start());
    }

    [[nodiscard]] Result<> grant() { return await(keeper.grant({{Plot, A, 1, TaskId()}})); }
    /// Of the only lease, what is left of it.
    [[nodiscard]] Milliseconds left()
    {
        const auto lease = await(store.find(Plot));
        return lease ? lease->expires - keeper.now().lease : Milliseconds(-1);
    }
    [[nodiscard]] std::int64_t active(const Clock &clock)
    {
        const auto stats = await(tasks.stats(clock.now()));
        return stats ? stats->activeLeases : -1;
    }

    Database database;
    TaskStore tasks;
    LeaseStore store;
    LeaseKeeper keeper;
    Result<> opened;
};

}  // namespace

/// Leases run by time that an engine has seen pass, and by nothing else.
class TestLeaseKeeper : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void timeThatPassesExpiresThem();
    void aClockThatIsSetExpiresNothing_data();
    void aClockThatIsSetExpiresNothing();
    void daysWithoutAnEngineExpireNothing();
    void aCrashCostsNoLease();
    void savingANotebookRenewsItsLeases();
    void pinsHoldUntilTheyAreReleased();
};

void TestLeaseKeeper::timeThatPassesExpiresThem()
{
    QTemporaryDir dir;
    ManualClock clock(Start);
    Life life(dir, clock);
    QVERIFY(life.opened);
    QVERIFY(life.grant());
    QCOMPARE(life.left(), Milliseconds(Day));
    clock.advance(23h);
    QCOMPARE(life.left(), Milliseconds(1h));
    QCOMPARE(life.active(clock), 1);
    clock.advance(1h);
    QCOMPARE(life.left(), 0ms);
    QCOMPARE(life.active(clock), 0);
}

void TestLeaseKeeper::aClockThatIsSetExpiresNothing_data()
{
    QTest::addColumn<qint64>("hours");
    QTest::newRow("a night's sleep") << qint64(9);
    QTest::newRow("a year ahead") << qint64(24 * 365);
    QTest::newRow("a year back") << qint64(-24 * 365);
}

void TestLeaseKeeper::aClockThatIsSetExpiresNothing()
{
    QFETCH(qint64, hours);
    QTemporaryDir dir;
    ManualClock clock(Start);
    Life life(dir, clock);
    QVERIFY(life.grant());
    clock.advance(20h);
    clock.set(clock.now() + std::chrono::hours(hours));
    QCOMPARE(life.left(), Milliseconds(4h));
    QVERIFY(await(life.keeper.runOnce()));
    QCOMPARE(life.active(clock), 1);
    // People are told when that is by their own clock.
    const auto lease = await(life.store.find(Plot));
    QCOMPARE(life.keeper.wallTime(lease->expires), clock.now() + 4h);
    clock.advance(3h);
    QCOMPARE(life.active(clock), 1);
    clock.advance(1h);
    QCOMPARE(life.active(clock), 0);
    // And when it is set right again, nothing has changed.
    clock.set(Start + Day);
    QVERIFY(await(life.keeper.runOnce()));
    QCOMPARE(life.left(), 0ms);
    QCOMPARE(life.active(clock), 0);
}

void TestLeaseKeeper::daysWithoutAnEngineExpireNothing()
{
    QTemporaryDir dir;
    ManualClock clock(Start);
    {
        Life life(dir, clock);
        QVERIFY(life.grant());
        clock.advance(20h);
        QVERIFY(await(life.keeper.stop()));
    }
    // The machine is off: another boot, whose monotonic clock begins anew.
    ManualClock later(clock.now() + Day * 10);
    Life life(dir, later);
    QCOMPARE(life.left(), Milliseconds(4h));
    QCOMPARE(life.active(later), 1);
    later.advance(4h);
    QCOMPARE(life.left(), 0ms);
    QCOMPARE(life.active(later), 0);
}

void TestLeaseKeeper::aCrashCostsNoLease()
{
    QTemporaryDir dir;
    ManualClock clock(Start);
    {
        Life life(dir, clock);
        QVERIFY(life.grant());
        for (int hour = 0; hour < 10; ++hour) {
            clock.advance(1h);
            QVERIFY(await(life.keeper.runOnce()));
        }
        clock.advance(30min);
    }
    // What came after the last look is lost, and lengthens the lease.
    clock.advance(Day * 10);
    Life life(dir, clock);
    QCOMPARE(life.left(), Milliseconds(14h));
}

void TestLeaseKeeper::savingANotebookRenewsItsLeases()
{
    QTemporaryDir dir;
    ManualClock clock(Start);
    Life life(dir, clock);
    QVERIFY(life.grant());
    QSignalSpy failures(&life.keeper, &LeaseKeeper::failed);
    clock.advance(20h);
    life.keeper.touch(A);
    QTRY_COMPARE(life.left(), Milliseconds(Day));
    // Not each time: a lease of a day has time.
    clock.advance(59min);
    life.keeper.touch(A);
    QVERIFY(life.left() == 23h + 1min);
    clock.advance(1min);
    life.keeper.touch(A);
    QTRY_COMPARE(life.left(), Milliseconds(Day));
    QCOMPARE(await(life.store.find(Plot))->createdAt, Start);
    // What has expired is not renewed by a save: only by name.
    clock.advance(25h);
    life.keeper.touch(A);
    QVERIFY(await(life.keeper.runOnce()));
    QCOMPARE(life.left(), Milliseconds(-1h));
    QVERIFY(await(life.keeper.renew(Plot)));
    QCOMPARE(life.left(), Milliseconds(Day));
    QVERIFY(failures.isEmpty());
}

void TestLeaseKeeper::pinsHoldUntilTheyAreReleased()
{
    QTemporaryDir dir;
    ManualClock clock(Start);
    Life life(dir, clock);
    QVERIFY(life.grant());
    auto lease = await(life.keeper.pin(Plot));
    QVERIFY(lease && lease->isPinned());
    QCOMPARE(life.keeper.wallTime(lease->expires), PinnedUntil);
    clock.advance(Day * 1'000);
    QCOMPARE(life.active(clock), 1);
    lease = await(life.keeper.unpin(Plot));
    QVERIFY(lease && !lease->isPinned());
    QCOMPARE(life.left(), Milliseconds(Day));
    QVERIFY(await(life.keeper.pin(Plot)));
    QVERIFY(await(life.keeper.release(Plot)));
    QCOMPARE(life.left(), 0ms);
    QCOMPARE(life.active(clock), 0);
}

QTEST_GUILESS_MAIN(TestLeaseKeeper)
#include "tst_leasekeeper.moc"
