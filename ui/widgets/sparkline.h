#pragma once

#include <QColor>
#include <QWidget>
#include <deque>

#include "base/clock.h"

namespace celldeck::ui {

/// A small chart of a number over the last minutes. What was not sampled stays empty: a gap is not
/// drawn over. Owner: its panel. Thread: GUI. It has no timer: whoever feeds it gives the time.
class Sparkline final : public QWidget
{
    Q_OBJECT

public:
    explicit Sparkline(std::chrono::seconds span, QWidget *parent = nullptr);

    void addSample(UtcTime time, std::int64_t value);
    [[nodiscard]] std::size_t sampleCount() const { return m_samples.size(); }

    [[nodiscard]] QSize sizeHint() const override;
    [[nodiscard]] QSize minimumSizeHint() const override;

protected:
    void paintEvent(QPaintEvent *event) override;

private:
    struct Sample
    {
        UtcTime time;
        std::int64_t value;
    };

    [[nodiscard]] std::int64_t peak() const;
    [[nodiscard]] QPointF pointOf(const Sample &sample, const QRectF &area, double top) const;

    std::deque<Sample> m_samples;
    Milliseconds m_span;
};

}  // namespace celldeck::ui
