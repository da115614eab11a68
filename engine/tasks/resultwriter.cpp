#include "tasks/resultwriter.h"

#include "async/background.h"
#include "notebooks/notebookfile.h"

namespace celldeck::tasks {

namespace {

// A notebook that a person looks at moves along; a fast run does not write it cell by cell.
constexpr Milliseconds WriteInterval{500};

}  // namespace

ResultWriter::ResultWriter(QString notebookPath)
    : m_path(std::move(notebookPath)), m_due(WriteInterval, [this] { write(); })
{}

void ResultWriter::add(notebooks::CellResult result)
{
    if (m_flushed.isResolved())
        m_flushed = {};
    m_results.append(std::move(result));
    m_due.poke();
}

Waiter<> ResultWriter::flushed()
{
    m_due.flush();
    return m_flushed;
}

void ResultWriter::write()
{
    if (!m_writing && !m_results.isEmpty())
        m_scope.start(writeNow(std::exchange(m_results, {})));
}

QCoro::Task<> ResultWriter::writeNow(QList<notebooks::CellResult> results)
{
    m_writing = true;
    const auto writing = inBackground<QList<int>>(
        [path = m_path, results] { return notebooks::writeResults(path, path, results); });
    const Result<QList<int>> missed = co_await writing.wait(m_scope);
    m_writing = false;
    if (!missed && missed.error().code == ErrorCode::Cancelled)
        co_return;
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
    if (m_results.isEmpty())
        m_flushed.resolve({});
    else
        write();
}

}  // namespace celldeck::tasks
