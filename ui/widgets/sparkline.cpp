#include "ui/widgets/sparkline.h"

#include <QPainter>
#include <QPainterPath>
#include <algorithm>

#include "ui/theme.h"

namespace celldeck::ui {
namespace {

/// Samples come each second; after more than this the line is broken.
constexpr Milliseconds LongestStep{3000};
constexpr int Margin = 6;

}  // namespace

Sparkline::Sparkline(std::chrono::seconds span, QWidget *parent) : QWidget(parent), m_span(span)
{
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    setAccessibleName(tr("Queue depth over time"));
}

void Sparkline::addSample(UtcTime time, std::int64_t value)
{
    // Where the clock was put back, what it says of then no longer comes before this.
    while (!m_samples.empty() && m_samples.back().time > time)
        m_samples.pop_back();
    m_samples.push_back({time, value});
    while (m_samples.front().time + m_span < time)
        m_samples.pop_front();
    setAccessibleDescription(tr("Now %1, at most %2").arg(value).arg(peak()));
    setToolTip(accessibleDescription());
    update();
}

std::int64_t Sparkline::peak() const
{
    if (m_samples.empty())
        return 0;
    return std::ranges::max_element(m_samples, {}, &Sample::value)->value;
}

QSize Sparkline::sizeHint() const
{
    return {280, 72};
}

QSize Sparkline::minimumSizeHint() const
{
    return {120, 56};
}

QPointF Sparkline::pointOf(const Sample &sample, const QRectF &area, double top) const
{
    const double age = static_cast<double>((m_samples.back().time - sample.time).count());
    const double x = area.right() - area.width() * age / static_cast<double>(m_span.count());
    return {x, area.bottom() - area.height() * static_cast<double>(sample.value) / top};
}

void Sparkline::paintEvent(QPaintEvent *)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    QFont small = font();
    small.setPointSizeF(small.pointSizeF() * 0.85);
    painter.setFont(small);
    const int captionHeight = painter.fontMetrics().height();
    const QRectF area =
        QRectF(rect()).adjusted(Margin, Margin + captionHeight, -Margin, -Margin - captionHeight);
    const QRectF above(Margin, Margin / 2.0, width() - 2 * Margin, captionHeight);
    const QRectF below(Margin, area.bottom() + 2, width() - 2 * Margin, captionHeight);

    painter.setPen(mutedColour(palette()));
    painter.drawText(above, Qt::AlignLeft | Qt::AlignVCenter, tr("Queue depth"));
    painter.drawText(above, Qt::AlignRight | Qt::AlignVCenter, tr("peak %1").arg(peak()));
    painter.drawText(below, Qt::AlignLeft | Qt::AlignVCenter,
                     tr("%n min ago", nullptr, static_cast<int>(m_span.count() / 60'000)));
    painter.drawText(below, Qt::AlignRight | Qt::AlignVCenter, tr("now"));
    painter.setPen(hairlineColour(palette()));
    painter.drawLine(area.bottomLeft(), area.bottomRight());
    if (m_samples.empty())
        return;

    const QColor colour = stateColour(storage::TaskState::Running, palette());
    // An empty queue is a line at the bottom, and one waiting task no mountain.
    const double top = static_cast<double>(std::max<std::int64_t>(peak(), 4));
    for (auto from = m_samples.begin(); from != m_samples.end();) {
        auto to = std::next(from);
        QPolygonF line{pointOf(*from, area, top)};
        for (; to != m_samples.end() && to->time - std::prev(to)->time <= LongestStep; ++to)
            line.append(pointOf(*to, area, top));
        QPainterPath under(QPointF(line.first().x(), area.bottom()));
        for (const QPointF &point : line)
            under.lineTo(point);
        under.lineTo(line.last().x(), area.bottom());
        painter.fillPath(under, tint(colour, palette()));
        painter.setPen(QPen(colour, 1.5, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
        painter.drawPolyline(line);
        from = to;
    }
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    painter.drawEllipse(pointOf(m_samples.back(), area, top), 3, 3);
}

}  // namespace celldeck::ui
