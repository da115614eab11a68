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
};

QTEST_GUILESS_MAIN(TestStrongId)
#include "tst_strongid.moc"
