#include "tasks/resultwriter.h"

#include "assets/partials.h"
#include "async/background.h"
#include "base/memory.h"
#include "notebooks/notebookfile.h"

namespace celldeck::tasks {

namespace {

// A notebook that a person looks at moves along; a fast run does not write it cell by cell.
constexpr Milliseconds WriteInterval{500};

// A file that the disk refuses: from a second up to half a minute, for about ten minutes.
constexpr Milliseconds FirstPause{1'000};
constexpr Milliseconds LongestPause{30'000};
constexpr int MaxRefusals = 25;

bool isSameCell(const notebooks::CellResult &a, const notebooks::CellResult &b)
{
    return a.index == b.index && a.cellId == b.cellId && a.source == b.source;
}

}  // namespace

ResultWriter::ResultWriter(QString notebookPath)
    : m_path(std::move(notebookPath)), m_due(WriteInterval, [this] { write(); })
{
    m_again.setSingleShot(true);
    connect(&m_again, &QTimer::timeout, this, &ResultWriter::write);
}

void ResultWriter::add(notebooks::CellResult result)
{
    if (m_flushed.isResolved())
        m_flushed = {};
    m_results.append(std::move(result));
    m_hadResults = true;
    m_due.poke();
}

void ResultWriter::refreshWidgets(Json widgets)
{
    m_widgets = std::move(widgets);
    if (!m_hadResults)
        return;
    if (m_flushed.isResolved())
        m_flushed = {};
    m_widgetsAreDue = true;
    m_due.poke();
}

Waiter<> ResultWriter::flushed()
{
    m_flushing = true;
    m_due.flush();
    write();
    return m_flushed;
}

void ResultWriter::write()
{
    if (m_writing || (m_again.isActive() && !m_flushing))
        return;  // Later results wait for the same file.
    if (hasWork())
        m_scope.start(writeNow(std::exchange(m_results, {})));
}

QCoro::Task<> ResultWriter::writeNow(QList<notebooks::CellResult> results)
{
    m_writing = true;
    const bool isLastTry = m_flushing;
    const bool hadWidgets = std::exchange(m_widgetsAreDue, false);
    const auto writing = inBackground<QList<int>>([path = m_path, results, widgets = m_widgets] {
        qint64 bytes = 0;
        auto missing = [&] {
            QList<notebooks::CellResult> whole = results;
            for (notebooks::CellResult &result : whole) {
                result.outputs = assets::wholeOutputs(result.outputs).json;
                bytes += result.outputs.size();
            }
            return notebooks::writeResults(path, path, whole, widgets);
        }();
        giveBackMemory(bytes);
        return missing;
    });
    const Result<QList<int>> missed = co_await writing.wait(m_scope);
    m_writing = false;
    if (!missed && missed.error().code == ErrorCode::Cancelled)
        co_return;
    if (!missed && missed.error().code == ErrorCode::Io && !isLastTry) {
        m_widgetsAreDue |= hadWidgets;
        keepForLater(std::move(results), missed.error());
        if (m_flushing)
            write();
        co_return;
    }
    m_refusals = 0;
    if (!missed) {
        Q_EMIT failed(missed.error().message +
                      QStringLiteral("; the outputs are kept with their tasks"));
    } else {
        Q_EMIT written();
        for (const int index : *missed)
            Q_EMIT failed(QStringLiteral("%1 cell %2 has changed since it was submitted: its "
                                         "outputs were not written into the file; they are kept "
                                         "with the task")
                              .arg(m_path)
                              .arg(index));
    }
    if (!hasWork())
        m_flushed.resolve({});
    else if (m_flushing)
        write();
    else
        m_due.poke();  // A fast run has new ones each time, and would write without a pause.
}

void ResultWriter::keepForLater(QList<notebooks::CellResult> results, const Error &refusal)
{
    // Of each cell only the last is of use: so the list is no longer than the notebook.
    for (const notebooks::CellResult &later : std::as_const(m_results)) {
        results.removeIf([&later](const auto &earlier) { return isSameCell(earlier, later); });
        results.append(later);
    }
    m_results = std::move(results);
    if (m_refusals == 0)
        Q_EMIT failed(refusal.message + QStringLiteral("; the outputs are kept with their tasks, "
                                                       "and the file is tried again"));
    if (++m_refusals > MaxRefusals)
        return;
    const Milliseconds pause = FirstPause * (1 << std::min(m_refusals - 1, 5));
    m_again.start(std::min(pause, LongestPause));
}

}  // namespace celldeck::tasks
