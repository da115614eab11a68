#pragma once

#include <QObject>

#include "async/coalescer.h"
#include "mcp/toolregistry.h"
#include "tasks/taskqueue.h"

namespace celldeck::tools {

/// Tells a client that waits for a task, and has asked for progress, what the task does: its state
/// and the last line that it has printed, when that changes, at most twice a second. The numbers
/// only grow: how much there will be nobody knows.
///
/// Owned by a call. Thread: the engine's. Stopping: with the call.
class TaskProgress final
{
public:
    /// Does nothing where the call's client has not asked for progress.
    TaskProgress(const tasks::TaskQueue &queue, const storage::TaskRecord &task,
                 const mcp::CallContext &context);

private:
    void tell();

    const tasks::TaskQueue &m_queue;
    storage::TaskRecord m_task;
    const std::function<void(double, std::optional<double>, QString)> m_progress;
    QString m_told;
    int m_count = 0;
    Coalescer m_due;
    QObject m_receiver;
};

}  // namespace celldeck::tools
