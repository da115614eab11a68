#include "tasks/session.h"

#include <QPointer>

#include "async/background.h"
#include "base/crashpoint.h"
#include "notebooks/notebookfile.h"
#include "tasks/notebookdrafts.h"
#include "tasks/outcome.h"

// How a task of a session runs: from its turn to its end on disk.
namespace celldeck::tasks {

using storage::TaskOutcome;
using storage::TaskRecord;
using storage::TaskState;

QCoro::Task<Result<>> Session::startKernelFor(TaskRecord task)
{
    if (task.kernelName.isEmpty() && !m_kernel.get()) {
        // It was submitted by somebody who did not know: its notebook does.
        const auto asking = inBackground<QString>([path = m_path]() -> Result<QString> {
            const auto notebook = notebooks::loadNotebook(path);
            return notebook ? kernelNameOf(*notebook, path) : fail(notebook.error());
        });
        const Result<QString> name = co_await asking.wait(m_scope);
        if (!name)
            co_return fail(name.error());
        task.kernelName = *name;
    }
    const Waiter<> ready = m_kernel.start(task.kernelName);
    co_return co_await ready.wait(m_scope);
}

QCoro::Task<> Session::runTask(TaskRecord task)
{
    if (auto announced = m_ahead.take(task.id)) {
        const bool isDone = co_await runAnnounced(task, std::move(*announced));
        if (isDone)
            co_return;
    }
    m_ends.recordHeld();
    const bool hasKernel = co_await readyKernelFor(task);
    if (!hasKernel)
        co_return;
    task.stateLost = m_current->stateLost;
    if (m_end == End::None && m_kernel.get()) {
        const QPointer<const kernels::Kernel> kernel = m_kernel.get();
        const Result<TaskRecord> begun = co_await begin(task);
        if (!begun)
            co_return;
        if ((!kernel || m_kernelEnds) && m_end == End::None && !m_stopping) {
            co_await giveBack(std::move(task));
            co_return;
        }
        task = *begun;
        m_current = task;
    }
    if (m_end == End::Cancel)
        co_return;  // Whoever cancelled it has ended it.
    if (m_stopping || m_end == End::Stop || !m_kernel.get()) {
        co_await m_ends.finish(task,
                               stoppedBeforeItRan(m_stopping ? Stopped::Engine : Stopped::Kernel));
        co_return;
    }
    crashPoint("session.running_committed");
    co_await executeTask(std::move(task), OnDisk::Running);
}

/// False: it is to begin as one that was not announced.
QCoro::Task<bool> Session::runAnnounced(TaskRecord task, RunAhead::Announced announced)
{
    const Result<> onDisk = co_await announced.onDisk.wait(m_scope);
    task.stateLost = m_current->stateLost;  // It may have lost its kernel meanwhile.
    if (onDisk && m_end == End::None && !m_stopping && !m_kernelEnds && m_kernel.isReady()) {
        task.state = TaskState::Running;
        task.startedAt = m_clock.now();
        task.messageId = announced.messageId;
        m_current = task;
        co_await executeTask(std::move(task), OnDisk::Announced);
        co_return true;
    }
    // Requests leave in the order of their numbers: this one's will be a new one.
    m_ahead.giveBack(std::move(announced));
    if (!m_kernelEnds || m_end != End::None || m_stopping)
        co_return false;
    m_waiting.prepend(std::move(task));  // It runs on the next one.
    co_return true;
}

/// False: there is none, and the task has ended, or waits.
QCoro::Task<bool> Session::readyKernelFor(TaskRecord task)
{
    if (m_hasState && (m_kernel.hasDied() || m_isCulled)) {
        // While no cell ran: this one is the first that can be told.
        m_current->stateLost = true;
        m_waiting.markStateLost();
        co_await m_log.loseKernel(m_path, m_waiting.ids() << task.id);
    }
    const Result<> started = co_await startKernelFor(task);
    task.stateLost = m_current->stateLost;  // It may have lost its kernel meanwhile.
    if (m_stopping || (!started && started.error().code == ErrorCode::Cancelled)) {
        m_waiting.prepend(std::move(task));  // It runs when the engine is back.
        co_return false;
    }
    if (started)
        co_return true;
    TaskOutcome outcome = stoppedBeforeItRan(Stopped::Kernel);
    if (m_end != End::Stop) {
        outcome.state = TaskState::Failed;
        outcome.error = started.error().message;
        // What a client can act on is named, as with a kernel that died.
        if (started.error().code == ErrorCode::NoKernel)
            outcome.error.prepend(toCode(ErrorCode::NoKernel) + QStringLiteral(": "));
    }
    co_await m_ends.finish(task, outcome);
    if (task.batch)
        co_await cancelWaiting(m_waiting.takeBatch(task.batch),
                               QStringLiteral("its kernel did not start"));
    co_return false;
}

/// Its kernel is being exchanged: it has not left for it, and runs on the next one.
QCoro::Task<> Session::giveBack(TaskRecord task)
{
    task.stateLost = m_current->stateLost;
    const bool isPending = co_await m_log.putBack(task);
    if (!isPending || m_end == End::Cancel)
        co_return;  // Whoever cancelled it has ended it.
    if (m_end == End::Stop && !m_stopping) {
        co_await m_ends.finish(task, stoppedBeforeItRan(Stopped::Kernel));
        co_return;
    }
    task.stateLost = m_current->stateLost;
    m_waiting.prepend(std::move(task));
}

QCoro::Task<Result<TaskRecord>> Session::begin(TaskRecord task)
{
    const auto together = m_stores.tasks.together();
    // Ids first come, first sent: see kernels/sentnote.h.
    QByteArray messageId = m_kernel.get()->newMessageId();
    announceNext();
    return m_log.begin(std::move(task), std::move(messageId));
}

QCoro::Task<> Session::executeTask(TaskRecord task, OnDisk as)
{
    if (task.limit)
        m_limit.start(*task.limit);
    m_executing = true;
    m_hasLeft = false;
    kernels::ExecuteOptions options;
    options.allowStdin = m_options.allowStdin;
    options.stopOnError = false;  // What follows an error is the queue's decision.
    options.shownBefore = m_ends.shownIds();
    m_ends.noteBegun(task);
    const QCoro::Task<Result<kernels::Execution>> executing = m_kernel.get()->execute(
        task.messageId, task.code, options, [this](const Json &outputs) { showOutputs(outputs); },
        [this] {
            m_hasLeft = true;
            m_hasState = true;
        });
    if (as == OnDisk::Announced)
        recordStep(task);
    m_ahead.cellBegan();
    const Result<kernels::Execution> execution = co_await executing;
    co_await conclude(std::move(task), execution);
}

/// Its request has left: now one commit for its beginning, the end of the one before it, and what
/// may leave after it.
void Session::recordStep(TaskRecord begun)
{
    crashPoint("session.sent_ahead");
    const auto together = m_stores.tasks.together();
    m_ends.recordHeld();
    m_scope.start(m_log.noteBegun(std::move(begun)));
    announceNext();
}

void Session::announceNext()
{
    if (mustWait() || m_stopping)
        m_ahead.withdraw();
    else
        m_ahead.announce(m_waiting, [this] { return m_kernel.get()->newMessageId(); });
}

QCoro::Task<> Session::followTask(storage::TaskDetail detail)
{
    const TaskRecord task = detail.task;
    const auto soFar = parseJson(detail.outputs);
    kernels::DisplayState displays = kernels::displayStateFrom(detail.displays);
    m_partial.noteDisplays(task.id);
    m_ends.noteBegun(task);
    m_executing = true;
    m_hasLeft = true;
    m_hasState = true;
    if (task.limit && task.startedAt)
        m_limit.start(std::max(Milliseconds(0), *task.startedAt + *task.limit - m_clock.now()));
    const Result<kernels::Execution> execution = co_await m_kernel.get()->follow(
        task.messageId, soFar ? *soFar : Json::array(), std::move(displays), m_ends.shownIds(),
        [this](const Json &outputs) { showOutputs(outputs); });
    co_await conclude(task, execution);
}

QCoro::Task<> Session::conclude(TaskRecord task, Result<kernels::Execution> execution)
{
    if (m_stopping && !execution && execution.error().code == ErrorCode::Cancelled)
        co_return;  // It stays running on disk, for the next engine to follow, or to end.
    crashPoint("session.replied");
    m_executing = false;
    for (QTimer *timer : {&m_limit, &m_inputLimit, &m_grace})
        timer->stop();
    if (!m_hasLeft && m_kernelEnds && m_end == End::None && !m_stopping) {
        task.state = TaskState::Pending;
        task.startedAt.reset();
        task.messageId.clear();
        m_current = task;
        co_await giveBack(std::move(task));
        co_return;
    }
    TaskOutcome outcome = outcomeNow(execution);
    outcome.finishedAt = m_clock.now();
    // What it changed in other cells first: whoever is told of its end finds all that it did.
    const Shows shows = showsNow(execution);
    co_await m_ends.showAnew(shows.displays.updates);
    if (const auto widgets = newWidgets())
        m_ends.setWidgets(*widgets);
    outcome.displays = displaysOf(task.id, {.places = shows.displays.places});
    if (!shows.displays.places.isEmpty())
        m_ends.remember({ended(task, outcome), shows.outputs, shows.displays.places});
    m_ahead.cellEnded();
    const Result<> room = co_await m_ahead.wait(RunAhead::Ends::WithinDepth, m_scope);
    if (!room)
        co_return;
    if (outcome.state == TaskState::Completed && m_end == End::None && !mustWait()) {
        m_ends.hold(std::move(task), std::move(outcome));
        co_return;
    }
    const Result<> recorded = co_await m_ahead.wait(RunAhead::Ends::None, m_scope);
    if (!recorded)
        co_return;
    co_await m_ends.finish(
        task, outcome,
        outcome.state == TaskState::Cancelled ? std::exchange(m_endNote, {}) : std::nullopt);
    const bool kernelGone = !execution && execution.error().code == ErrorCode::KernelDied;
    // An engine that stops is no failure of the cell: what waits behind it runs when it is back.
    const bool isOurStop = m_stopping && outcome.state == TaskState::Interrupted;
    if (outcome.state != TaskState::Completed && !isOurStop)
        co_await cancelTheRest(task, outcome.state, kernelGone);
    if (kernelGone && !m_stopping)
        co_await loseState();
}

/// Also of one that its kernel did not bring to its end.
Session::Shows Session::showsNow(const Result<kernels::Execution> &execution) const
{
    const kernels::Kernel *const kernel = m_kernel.get();
    if (!execution && (!kernel || !m_hasLeft))
        return {};
    Shows shows{.displays = execution ? execution->displays : kernel->lastDisplays()};
    if (!shows.displays.places.isEmpty())
        shows.outputs = execution ? *execution->outputs : kernel->lastOutputs();
    return shows;
}

TaskOutcome Session::outcomeNow(const Result<kernels::Execution> &execution) const
{
    static const Json Nothing = Json::array();
    const kernels::Kernel *const kernel = m_kernel.get();
    if (m_hasLeft || execution) {
        TaskOutcome outcome = outcomeOf(execution, m_end, kernel ? kernel->lastOutputs() : Nothing);
        if (!execution && kernel)
            outcome.executionCount = kernel->lastExecutionCount();
        if (m_stopping && outcome.state == TaskState::Interrupted)
            outcome.error = QStringLiteral("the engine was stopped while it ran");
        return outcome;
    }
    return m_stopping ? stoppedBeforeItRan(Stopped::Engine)
                      : outcomeOfUnsent(execution.error(), m_end);
}

QCoro::Task<> Session::cancelTheRest(TaskRecord task, TaskState state, bool kernelGone)
{
    // Who cancels one task means that one.
    const bool isError = state != TaskState::Cancelled;
    if (isError && m_onError == storage::OnError::Stop) {
        co_await cancelWaiting(m_waiting.takeAll(),
                               QStringLiteral("an earlier cell did not complete, and its notebook "
                                              "stops on errors"));
        co_return;
    }
    const bool stops = isError && task.stopOnError && m_onError == storage::OnError::AsSubmitted;
    if (task.batch && (stops || kernelGone))
        co_await cancelWaiting(m_waiting.takeBatch(task.batch),
                               QStringLiteral("an earlier cell of its run did not complete"));
}

/// What waits will run on another kernel, which knows nothing of what was done before.
QCoro::Task<> Session::loseState()
{
    m_waiting.markStateLost();
    QList<storage::TaskId> waiting = m_waiting.ids();
    if (m_current && m_current->state == TaskState::Pending) {
        m_current->stateLost = true;
        waiting.prepend(m_current->id);
    }
    co_await m_log.loseKernel(m_path, std::move(waiting));
}

}  // namespace celldeck::tasks
