#include <QTest>

#include "ui/widgets/sparkline.h"

using namespace celldeck;
using namespace celldeck::ui;
using namespace std::chrono_literals;

class TstSparkline final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void keepsItsSpan();
    void aClockThatIsPutBackDrawsNoLineBackwards();
};

void TstSparkline::keepsItsSpan()
{
    Sparkline sparkline(60s);
    const UtcTime begin{1h};
    for (int second = 0; second < 100; ++second)
        sparkline.addSample(begin + std::chrono::seconds(second), second);
    QCOMPARE(sparkline.sampleCount(), 61u);
    QCOMPARE(sparkline.accessibleDescription(), QStringLiteral("Now 99, at most 99"));
}

void TstSparkline::aClockThatIsPutBackDrawsNoLineBackwards()
{
    Sparkline sparkline(60s);
    const UtcTime begin{1h};
    for (const auto offset : {0s, 10s, 20s})
        sparkline.addSample(begin + offset, offset.count());
    sparkline.addSample(begin + 5s, 7);
    QCOMPARE(sparkline.sampleCount(), 2u);
    QCOMPARE(sparkline.accessibleDescription(), QStringLiteral("Now 7, at most 7"));
}

QTEST_MAIN(TstSparkline)
#include "tst_sparkline.moc"
