#include "ui/panels/queuepanel.h"

#include <QGridLayout>
#include <QGuiApplication>
#include <QLabel>
#include <QLocale>
#include <QVBoxLayout>
#include <array>

#include "ui/models/wording.h"
#include "ui/theme.h"
#include "ui/themewatch.h"
#include "ui/widgets/sparkline.h"

namespace celldeck::ui {

using storage::TaskState;

namespace {

constexpr std::chrono::minutes Span{5};
constexpr int CardWidth = 92;
/// From here on the chart fits beside the figures; a narrow dock has it below them.
constexpr int WideEnough = 560;
constexpr int WideColumns = 4;

}  // namespace

QueuePanel::QueuePanel(QWidget *parent)
    : QWidget(parent), m_sparkline(new Sparkline(Span, this)), m_grid(new QGridLayout(this))
{
    m_grid->setContentsMargins(10, 8, 10, 8);
    m_grid->setSpacing(4);
    for (const TaskState state :
         {TaskState::Pending, TaskState::Running, TaskState::Completed, TaskState::Failed,
          TaskState::Cancelled, TaskState::TimedOut, TaskState::Interrupted})
        addFigure(storage::toText(state), wordOf(state), state);
    addFigure(QStringLiteral("wal"), tr("WAL size"), std::nullopt);
    m_timer.setInterval(std::chrono::seconds{1});
    connect(&m_timer, &QTimer::timeout, this, &QueuePanel::sample);
    connect(new ThemeWatch(this), &ThemeWatch::themeChanged, this, &QueuePanel::takeColours);
    takeColours();
    showNumbers();
    arrange();
}

void QueuePanel::addFigure(const QString &objectName, const QString &caption,
                           std::optional<TaskState> state)
{
    auto *card = new QWidget(this);
    auto *number = new QLabel(card);
    auto *label = new QLabel(caption, card);
    number->setObjectName(objectName);
    QFont large = number->font();
    large.setPointSizeF(large.pointSizeF() * 1.6);
    number->setFont(large);
    QFont small = label->font();
    small.setPointSizeF(small.pointSizeF() * 0.9);
    label->setFont(small);
    auto *column = new QVBoxLayout(card);
    column->setContentsMargins(6, 4, 6, 4);
    column->setSpacing(0);
    column->addStretch();
    column->addWidget(number);
    column->addWidget(label);
    column->addStretch();
    card->setMinimumWidth(CardWidth - 12);
    m_figures.push_back({card, number, label, state});
}

void QueuePanel::setStats(const storage::TaskStats &stats)
{
    m_stats = stats;
    if (isVisible())
        showNumbers();
}

void QueuePanel::showNumbers()
{
    const std::array<std::int64_t, 7> counts{
        m_stats.pending,   m_stats.running,  m_stats.completed,  m_stats.failed,
        m_stats.cancelled, m_stats.timedOut, m_stats.interrupted};
    for (std::size_t i = 0; i < m_figures.size(); ++i) {
        const Figure &figure = m_figures[i];
        figure.number->setText(i < counts.size() ? QLocale().toString(qlonglong{counts[i]})
                                                 : bytesText(m_stats.walBytes));
        figure.number->setAccessibleName(figure.caption->text() + QLatin1String(": ") +
                                         figure.number->text());
    }
    takeColours();
}

void QueuePanel::takeColours()
{
    const QPalette general = QGuiApplication::palette();
    QPalette quiet = general;
    quiet.setColor(QPalette::WindowText, mutedColour(general));
    for (const Figure &figure : m_figures) {
        figure.caption->setPalette(quiet);
        // Colour is for what is there; a nought is quiet.
        QPalette own = quiet;
        if (figure.number->text() != QLatin1String("0"))
            own.setColor(QPalette::WindowText, figure.state ? stateColour(*figure.state, general)
                                                            : general.color(QPalette::WindowText));
        figure.number->setPalette(own);
    }
}

void QueuePanel::arrange()
{
    const bool wide = width() >= WideEnough;
    const int count = static_cast<int>(m_figures.size());
    const int columns = wide ? WideColumns : std::clamp(width() / CardWidth, 1, 3);
    if (columns == m_columns)
        return;
    m_columns = columns;
    while (QLayoutItem *item = m_grid->takeAt(0))
        delete item;
    for (int column = 0; column <= count; ++column)
        m_grid->setColumnStretch(column, 0);
    for (int i = 0; i < count; ++i)
        m_grid->addWidget(m_figures[static_cast<std::size_t>(i)].card, i / columns, i % columns);
    const int rows = (count + columns - 1) / columns;
    if (wide) {
        m_grid->addWidget(m_sparkline, 0, columns, rows, 1);
        m_grid->setColumnStretch(columns, 1);
    } else {
        m_grid->addWidget(m_sparkline, rows, 0, 1, columns);
    }
    for (int row = 0; row < count + 1; ++row)
        m_grid->setRowStretch(row, !wide && row == rows ? 1 : 0);
}

void QueuePanel::sample()
{
    m_sparkline->addSample(SystemClock().now(), m_stats.pending + m_stats.running);
}

void QueuePanel::showEvent(QShowEvent *event)
{
    QWidget::showEvent(event);
    showNumbers();
    sample();
    m_timer.start();
}

void QueuePanel::hideEvent(QHideEvent *event)
{
    QWidget::hideEvent(event);
    m_timer.stop();
}

void QueuePanel::resizeEvent(QResizeEvent *event)
{
    QWidget::resizeEvent(event);
    arrange();
}

}  // namespace celldeck::ui
