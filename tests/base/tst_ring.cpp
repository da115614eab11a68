#include <QTest>

#include "base/ring.h"

using celldeck::Ring;

class TestRing : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void keepsTheLastAndCountsTheRest()
    {
        Ring<int> ring(3);
        for (int i = 0; i < 3; ++i)
            QVERIFY(!ring.push(i));
        QCOMPARE(ring.push(3), std::optional(0));
        QCOMPARE(ring.push(4), std::optional(1));
        QCOMPARE(ring.dropped(), 2u);
        QCOMPARE(std::vector<int>(ring.begin(), ring.end()), (std::vector<int>{2, 3, 4}));
    }

    void takesAllAndGoesOn()
    {
        Ring<int> ring(2);
        ring.push(1);
        ring.push(2);
        ring.push(3);
        QCOMPARE(ring.takeAll(), (std::deque<int>{2, 3}));
        QVERIFY(ring.empty());
        QCOMPARE(ring.dropped(), 1u);
        ring.push(4);
        QCOMPARE(ring.at(0), 4);
    }

    void holdsNothingWithNoCapacity()
    {
        Ring<int> ring(0);
        QCOMPARE(ring.push(1), std::optional(1));
        QCOMPARE(ring.dropped(), 1u);
        QVERIFY(ring.empty());
    }
};

QTEST_GUILESS_MAIN(TestRing)
#include "tst_ring.moc"
