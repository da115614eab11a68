#include <QTest>

#include "async/coalescer.h"

using namespace celldeck;

class TestCoalescer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void turnsManyPokesIntoOneCall()
    {
        int calls = 0;
        Coalescer coalescer(Milliseconds(10), [&] { ++calls; });
        for (int i = 0; i < 1000; ++i)
            coalescer.poke();
        QCOMPARE(calls, 0);
        QTRY_COMPARE(calls, 1);
        coalescer.poke();
        QTRY_COMPARE(calls, 2);
    }

    void flushesWhatIsDueAndNothingElse()
    {
        int calls = 0;
        Coalescer coalescer(Milliseconds(60'000), [&] { ++calls; });
        coalescer.flush();
        QCOMPARE(calls, 0);
        coalescer.poke();
        coalescer.flush();
        QCOMPARE(calls, 1);
        coalescer.flush();
        QCOMPARE(calls, 1);
    }
};

QTEST_GUILESS_MAIN(TestCoalescer)
#include "tst_coalescer.moc"
