#pragma once

#include <QObject>

#include "async/coalescer.h"
#include "async/waiter.h"
#include "notebooks/notebook.h"

namespace celldeck::tasks {

/// Puts results that are on disk already into the notebook file, several in one write, in a
/// background thread. What cannot be written is reported, and stays in the database.
///
/// Owned by a session. Thread: the engine's. Stopping: `flushed()` resolves when nothing is left.
class ResultWriter final : public QObject
{
    Q_OBJECT

public:
    explicit ResultWriter(QString notebookPath);

    void add(notebooks::CellResult result);
    [[nodiscard]] Waiter<> flushed();

Q_SIGNALS:
    void written();
    void failed(const QString &message);

private:
    void write();
    QCoro::Task<> writeNow(QList<notebooks::CellResult> results);

    const QString m_path;
    QList<notebooks::CellResult> m_results;
    bool m_writing = false;
    Waiter<> m_flushed = Waiter<>::resolved({});
    Coalescer m_due;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
