#pragma once

#include <QCoroTask>
#include <QObject>

#include "base/json.h"
#include "storage/taskrecord.h"

namespace celldeck::app {

/// The queue through which `celldeck run` works: that of an engine of its own (OwnQueue), or of the
/// engine that runs already on its data folder (SharedQueue).
///
/// Owned by the command. Thread: one with an event loop. Stopping: `close()`.
class RunQueue : public QObject
{
    Q_OBJECT

public:
    /// Fails with StorageUnavailable or NewerSchema, with Io if the other's engine does not answer.
    [[nodiscard]] virtual QCoro::Task<Result<>> open() = 0;
    virtual QCoro::Task<> close() = 0;

    /// The latest tasks of a notebook, newest first.
    [[nodiscard]] virtual QCoro::Task<Result<QList<storage::TaskRecord>>> history(
        QString notebookPath, int limit) = 0;
    /// Drafts of one notebook, all or none. As TaskQueue's.
    [[nodiscard]] virtual QCoro::Task<Result<QList<storage::TaskRecord>>> submit(
        QList<storage::TaskDraft> drafts) = 0;
    /// When it has ended. Requires: tasks are waited for in the order of their submission.
    [[nodiscard]] virtual QCoro::Task<Result<storage::TaskRecord>> finished(
        storage::TaskRecord task) = 0;
    [[nodiscard]] virtual QCoro::Task<Result<storage::TaskDetail>> load(
        storage::TaskRecord task) = 0;
    /// What a notebook's kernel has for its metadata.
    struct OfKernel
    {
        std::optional<Json> widgets = {};
        std::optional<Json> languageInfo = {};
    };
    [[nodiscard]] virtual QCoro::Task<OfKernel> ofKernel(QString notebookPath) = 0;
    /// Asks tasks to end, the last first, so that none starts only to be cancelled.
    virtual void cancel(QList<storage::TaskRecord> tasks) = 0;
    /// Nothing more comes for that notebook: its kernel ends, if it was begun for the run and has
    /// no other work.
    virtual QCoro::Task<> leave(QString notebookPath) = 0;

Q_SIGNALS:
    /// A task of the run is new, or its state has changed: after the commit.
    void taskChanged(const celldeck::storage::TaskRecord &task);
    /// Something that the person should know.
    void told(const QString &message);
};

}  // namespace celldeck::app
