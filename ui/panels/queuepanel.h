#pragma once

#include <QTimer>
#include <QWidget>
#include <vector>

#include "storage/taskrecord.h"

class QGridLayout;
class QLabel;

namespace celldeck::ui {

class Sparkline;

/// How the queue stands: how many tasks in each state, the log's size, and the depth over the last
/// five minutes. Samples once a second while it is seen; hidden, it sleeps.
/// Owner: its dock. Thread: GUI.
class QueuePanel final : public QWidget
{
    Q_OBJECT

public:
    explicit QueuePanel(QWidget *parent = nullptr);

    void setStats(const storage::TaskStats &stats);
    [[nodiscard]] bool isSampling() const { return m_timer.isActive(); }
    [[nodiscard]] const Sparkline *sparkline() const { return m_sparkline; }

protected:
    void showEvent(QShowEvent *event) override;
    void hideEvent(QHideEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;

private:
    struct Figure
    {
        QWidget *card;
        QLabel *number;
        QLabel *caption;
        std::optional<storage::TaskState> state;
    };

    void addFigure(const QString &objectName, const QString &caption,
                   std::optional<storage::TaskState> state);
    void arrange();
    void sample();
    void showNumbers();
    void takeColours();

    storage::TaskStats m_stats;
    std::vector<Figure> m_figures;
    Sparkline *m_sparkline;
    QGridLayout *m_grid;
    QTimer m_timer;
    int m_columns = 0;
};

}  // namespace celldeck::ui
