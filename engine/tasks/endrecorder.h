#pragma once

#include <QObject>
#include <optional>

#include "async/taskscope.h"
#include "async/waiter.h"
#include "tasks/displaybook.h"
#include "tasks/resultwriter.h"
#include "tasks/runahead.h"
#include "tasks/tasklog.h"

namespace celldeck::assets {
class AssetStore;
}

namespace celldeck::tasks {

/// Where the end of a session's task goes, in this order: what is big among its outputs into files,
/// the record to the disk, the news to who waits, and the outputs into the notebook. Also what a
/// later cell has shown anew of it.
///
/// Owned by a Session, with whose scope it waits. Thread: the engine's. Stopping: with the scope;
/// `flushed()` before.
class EndRecorder final : public QObject
{
    Q_OBJECT

public:
    /// `assets` may be null: then everything stays in the record. Requires: they outlive this.
    EndRecorder(QString notebookPath, assets::AssetStore *assets, TaskLog &log, RunAhead &ahead,
                TaskScope &scope);

    /// Returns when it is on disk, or cannot come there.
    QCoro::Task<> finish(storage::TaskRecord task, storage::TaskOutcome outcome,
                         std::optional<storage::AuditNote> note = {});
    /// One that is to be in one commit with what comes next: `recordHeld`.
    void hold(storage::TaskRecord task, storage::TaskOutcome outcome);
    /// Brings the one that is held on its way to the disk; does nothing if none is.
    void recordHeld();

    /// What a task has shown under display ids. As old as the kernel: then `forgetDisplays`.
    void remember(DisplayBook::Shown shown);
    void forgetDisplays();
    /// What can be shown anew.
    [[nodiscard]] const QSet<QString> &shownIds() const { return m_displays.ids(); }
    /// From now on the task's outputs are its cell's, in the notebook too: what is shown anew of an
    /// earlier one is in that one's record only.
    void noteBegun(const storage::TaskRecord &task);
    /// What was shown under these ids is another thing now, in its record and in the notebook.
    /// Returns when it is, and what was asked for before, with the number of bytes that it took.
    QCoro::Task<qint64> showAnew(kernels::DisplayUpdates updates);

    /// The result of a task whose record is complete goes into the notebook.
    void writeAgain(const storage::TaskDetail &task);
    void setWidgets(Json widgets) { m_results.setWidgets(std::move(widgets)); }
    /// As ResultWriter's, of these two.
    void refreshWidgets(Json widgets) { m_results.refreshWidgets(std::move(widgets)); }
    [[nodiscard]] Waiter<> flushed() { return m_results.flushed(); }

Q_SIGNALS:
    void failed(const QString &message);

private:
    struct Held
    {
        storage::TaskRecord task;
        storage::TaskOutcome outcome;
    };
    QCoro::Task<> record(Held end, std::optional<storage::AuditNote> note, Waiter<> before);
    QCoro::Task<> trimMemory();
    QCoro::Task<> recordBesideTheNext(Held end, Waiter<> before, Waiter<> recorded);

    assets::AssetStore *const m_assets;
    TaskLog &m_log;
    RunAhead &m_ahead;
    TaskScope &m_scope;
    std::optional<Held> m_held;
    DisplayBook m_displays;
    QHash<QString, storage::TaskId> m_lastOfCell;   // by the cell's id or number
    Waiter<> m_shownAnew = Waiter<>::resolved({});  // what was asked for last
    ResultWriter m_results;
};

}  // namespace celldeck::tasks
