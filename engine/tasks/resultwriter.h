#pragma once

#include <QObject>

#include "async/coalescer.h"
#include "async/waiter.h"
#include "base/json.h"
#include "notebooks/notebook.h"

namespace celldeck::tasks {

/// Puts results that are on disk already into the notebook file, several in one write, in a
/// background thread. What cannot be written is reported, and stays in the database. A file that
/// the disk refuses is tried again, for some minutes by itself and then with each later result; the
/// refusal is reported once.
///
/// Owned by a session. Thread: the engine's. Stopping: `flushed()` tries once more and resolves
/// when nothing is left to try.
class ResultWriter final : public QObject
{
    Q_OBJECT

public:
    explicit ResultWriter(QString notebookPath);

    void add(notebooks::CellResult result);
    /// The state of the notebook's widgets goes with the next results.
    void setWidgets(Json widgets) { m_widgets = std::move(widgets); }
    /// It goes without: if there have been results, whose widgets these may be.
    void refreshWidgets(Json widgets);
    [[nodiscard]] Waiter<> flushed();

Q_SIGNALS:
    void written();
    void failed(const QString &message);

private:
    [[nodiscard]] bool hasWork() const { return !m_results.isEmpty() || m_widgetsAreDue; }
    void write();
    QCoro::Task<> writeNow(QList<notebooks::CellResult> results);
    void keepForLater(QList<notebooks::CellResult> results, const Error &refusal);

    const QString m_path;
    QList<notebooks::CellResult> m_results;
    std::optional<Json> m_widgets;
    bool m_hadResults = false;
    bool m_widgetsAreDue = false;
    bool m_writing = false;
    bool m_flushing = false;
    int m_refusals = 0;  // one after the other
    Waiter<> m_flushed = Waiter<>::resolved({});
    Coalescer m_due;
    QTimer m_again;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
