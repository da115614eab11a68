#include <QDateTime>
#include <QHash>
#include <QTest>

#include "base/clock.h"
#include "base/strongid.h"

using namespace celldeck;

class TestStrongId : public QObject
{
    Q_OBJECT

    using CarId = StrongId<struct CarTag, int>;
    using DogId = StrongId<struct DogTag, int>;
    static_assert(!std::is_convertible_v<CarId, DogId>);
    static_assert(!std::is_convertible_v<int, CarId>);
    static_assert(!std::is_constructible_v<DogId, CarId>);

private Q_SLOTS:
    void comparesAndHashes()
    {
        QCOMPARE(CarId(3), CarId(3));
        QVERIFY(CarId(3) < CarId(4));
        QHash<CarId, int> seats{{CarId(1), 4}};
        QCOMPARE(seats.value(CarId(1)), 4);
        QVERIFY(!CarId());
        QVERIFY(bool(CarId(1)));
    }

    void clockStandsStillUntilTold()
    {
        ManualClock clock{UtcTime(Milliseconds(1'000))};
        clock.advance(Milliseconds(500));
        QCOMPARE(toIso(clock.now()), QStringLiteral("1970-01-01T00:00:01.500Z"));
    }

    void timesReadAsQtWritesThem()
    {
        const auto qts = [](qint64 time) {
            return QDateTime::fromMSecsSinceEpoch(time, Qt::UTC).toString(Qt::ISODateWithMs);
        };
        const qint64 day = 86'400'000;
        // Before 1970, leap days, the last millisecond of a year, and beyond four digits.
        for (const qint64 time : {qint64(0), qint64(-1), -day, 59 * day, 789 * day + 1,
                                  11'016 * day - 1, 20'783 * day, qint64(1'795'649'614'007),
                                  -719'162 * day, 2'932'896 * day, 2'932'897 * day, -800'000 * day})
            QCOMPARE(toIso(UtcTime(Milliseconds(time))), qts(time));
        for (qint64 time = -1'000 * day; time < 40'000 * day; time += 3 * day + 12'345'678)
            QCOMPARE(toIso(UtcTime(Milliseconds(time))), qts(time));
    }
};

QTEST_GUILESS_MAIN(TestStrongId)
#include "tst_strongid.moc"
