#pragma once

#include <QObject>
#include <QTimer>
#include <memory>

#include "async/coalescer.h"
#include "async/taskscope.h"
#include "async/waiter.h"
#include "storage/stores.h"
#include "tasks/endrecorder.h"
#include "tasks/outcome.h"
#include "tasks/partialrecord.h"
#include "tasks/runahead.h"
#include "tasks/sessionkernel.h"
#include "tasks/tasklog.h"
#include "tasks/waitingline.h"

namespace celldeck::tasks {

/// A session as lists show it.
struct SessionStatus
{
    QString notebookPath;
    /// nullopt: it has none.
    std::optional<kernels::KernelState> kernelState = {};
    kernels::KernelSpec spec = {};
    qint64 pid = 0;
    bool responding = true;
    std::optional<storage::TaskRecord> running = {};
    qsizetype waiting = 0;
    bool paused = false;
    std::optional<kernels::InputRequest> input = {};
};

/// One notebook's kernel and the tasks that wait for it, run one after the other in their order.
/// How each step gets on disk is TaskLog's affair, where an end goes EndRecorder's, how a kernel
/// begins and ends SessionKernel's.
/// Each step is on disk before the next: running, or that it runs next, before the request leaves;
/// outputs and final state before anyone is told. What a running task has printed is recorded about
/// once a second.
///
/// Owned by the TaskQueue. Thread: the engine's. Stopping: `stop()` ends the running task as
/// interrupted with what it had printed, if it had begun, leaves pending ones pending, writes what
/// the notebook still lacks, and shuts the kernel down.
class Session final : public QObject
{
    Q_OBJECT

public:
    Session(QString notebookPath, storage::Stores &stores, const Clock &clock,
            SessionOptions options, kernels::KernelPool &pool);
    ~Session() override;

    /// Takes tasks that are pending on disk.
    void enqueue(QList<storage::TaskRecord> tasks);
    /// Takes up the kernel that an earlier engine has left. Fails with NotFound if it has ended.
    /// Requires: nothing was started here yet.
    [[nodiscard]] Result<> attach(const storage::KernelRecord &kernel);
    /// Brings a task to its end that an earlier engine has begun on that kernel, before all others.
    void follow(const storage::TaskDetail &task);
    /// What tasks of that kernel have shown under display ids, and an earlier engine knew.
    void rememberShown(const QList<storage::TaskDetail> &tasks);
    /// Puts the result of a task that has ended into the notebook's file.
    void writeAgain(const storage::TaskDetail &task);

    /// While paused, no further task begins.
    void setFlow(storage::Flow flow);
    void setOnError(storage::OnError onError) { m_onError = onError; }
    /// Gives a waiting task another place among those that wait: 0 is the next to run. Fails with
    /// NotFound if it does not wait here.
    [[nodiscard]] Waiter<> move(storage::TaskId id, qsizetype position, storage::Actor by = {});
    /// Ends all that wait as cancelled, and asks the one that runs to end. Resolves with their ids
    /// when all of that is on disk.
    [[nodiscard]] Waiter<QList<storage::TaskId>> cancelAll(storage::Actor by = {});
    /// Resolves when there is a kernel that is ready; an existing one is kept. Fails with NoKernel,
    /// with Conflict if the existing one was set up otherwise.
    [[nodiscard]] Waiter<> startKernel(const QString &kernelName, const KernelSetup &setup = {},
                                       storage::Actor by = {});
    /// Ends the running task as interrupted and the pending ones as cancelled, then the kernel.
    [[nodiscard]] Waiter<> stopKernel(storage::Actor by = {});
    /// Ends the running task as interrupted, the kernel, and starts another in its place: the same
    /// one if `kernelName` is "". What waits keeps its order, and runs on the new one, without the
    /// variables of the old. Fails with NoKernel.
    [[nodiscard]] Waiter<> exchangeKernel(const QString &kernelName, storage::Actor by = {});
    /// The cell that runs gets a KeyboardInterrupt, or what its language has. Fails with NoKernel.
    [[nodiscard]] Result<> interruptKernel();
    /// As Kernel's.
    [[nodiscard]] Result<> answerInput(const QString &text);
    /// As Kernel's. Fails with NoKernel too.
    [[nodiscard]] Waiter<kernels::Answer> ask(const QByteArray &type, Json content);
    /// On which kernel what waits is to run, unless somebody says so anew: see SessionKernel.
    void preferKernel(const QString &kernelName) { m_kernel.prefer(kernelName); }
    /// For the next kernel, and for this one if it can be told: see KernelSetup.
    void setWorkingDirectory(const QString &folder) { m_kernel.setWorkingDirectory(folder); }
    /// Asks a task to end as cancelled. Fails with NotFound if it is not here.
    [[nodiscard]] Waiter<> cancel(storage::TaskId id, storage::Actor by = {});
    [[nodiscard]] Waiter<> stop();

    /// Null while there is none.
    [[nodiscard]] const kernels::Kernel *kernel() const { return m_kernel.get(); }
    [[nodiscard]] SessionStatus status() const;
    /// What that task asks for, if it is the one that runs and asks.
    [[nodiscard]] std::optional<kernels::InputRequest> input(storage::TaskId id) const;
    /// Whether that task runs, and may have asked while no engine listened: see Kernel's.
    [[nodiscard]] bool mayHaveAsked(storage::TaskId id) const;
    /// The outputs so far of that task, if it is the one that runs.
    [[nodiscard]] const Json &liveOutputs(storage::TaskId id) const;

Q_SIGNALS:
    /// After the commit, and only then.
    void taskChanged(const celldeck::storage::TaskRecord &task);
    void outputsChanged(celldeck::storage::TaskId id, const celldeck::Json &outputs);
    void inputRequested(const celldeck::storage::TaskRecord &task,
                        const celldeck::kernels::InputRequest &request);
    /// What it asked for last is on its way to it.
    void inputAnswered(const celldeck::storage::TaskRecord &task);
    /// Something went wrong that belongs to no task, e.g. the notebook could not be written.
    void failed(const QString &message);

private:
    [[nodiscard]] bool isExecuting(storage::TaskId id) const;
    QCoro::Task<> work();
    QCoro::Task<> runTask(storage::TaskRecord task);
    QCoro::Task<bool> runAnnounced(storage::TaskRecord task, RunAhead::Announced announced);
    QCoro::Task<bool> readyKernelFor(storage::TaskRecord task);
    QCoro::Task<Result<storage::TaskRecord>> begin(storage::TaskRecord task);
    QCoro::Task<> giveBack(storage::TaskRecord task);
    enum class OnDisk { Running, Announced };
    QCoro::Task<> executeTask(storage::TaskRecord task, OnDisk as);
    QCoro::Task<Result<>> startKernelFor(storage::TaskRecord task);
    QCoro::Task<> followTask(storage::TaskDetail task);
    /// From the kernel's answer to the end on disk.
    QCoro::Task<> conclude(storage::TaskRecord task, Result<kernels::Execution> execution);
    /// What a task shows under display ids, and what it has shown anew of others.
    struct Shows
    {
        Json outputs = Json::array();  ///< if there are any
        kernels::DisplayState displays = {};
    };
    [[nodiscard]] Shows showsNow(const Result<kernels::Execution> &execution) const;
    [[nodiscard]] storage::TaskOutcome outcomeNow(
        const Result<kernels::Execution> &execution) const;
    QCoro::Task<> cancelTheRest(storage::TaskRecord task, storage::TaskState state,
                                bool kernelGone);
    QCoro::Task<> cancelWaiting(QList<storage::TaskRecord> tasks, QString why);
    QCoro::Task<> cancelPending(storage::TaskRecord task, std::optional<storage::AuditNote> note,
                                Waiter<> done);
    QCoro::Task<> cancelEverything(storage::Actor by, Waiter<QList<storage::TaskId>> done);
    QCoro::Task<> loseState();
    QCoro::Task<> learnWidgets();
    QCoro::Task<> endKernel(SessionKernel::Record record, std::optional<storage::AuditNote> note,
                            Waiter<> done);
    QCoro::Task<> exchange(QString kernelName, storage::Actor by, Waiter<> done);
    QCoro::Task<> end(Waiter<> done);

    [[nodiscard]] storage::AuditNote noteOf(storage::Action action, storage::Actor by) const;
    void recordStep(storage::TaskRecord begun);
    void announceNext();
    /// The note is written with the task's end, if it ends by this.
    Waiter<> endTask(storage::TaskId id, std::optional<storage::AuditNote> note);
    void endRunning(End why, std::optional<storage::AuditNote> note = {});
    void showOutputs(const Json &outputs);
    void showAnew();
    QCoro::Task<> showAnewNow();
    [[nodiscard]] bool mustWait() const;
    /// nullopt: as the notebook has them.
    [[nodiscard]] std::optional<Json> newWidgets();
    [[nodiscard]] std::optional<PartialRecord::Partial> partial() const;
    /// As TaskOutcome's. Of a kernel that ends with its engine nobody asks.
    [[nodiscard]] QByteArray displaysOf(storage::TaskId id,
                                        const kernels::DisplayState &displays) const;
    void handleInput(const kernels::InputRequest &request);
    void interruptCell();

    const QString m_path;
    storage::Stores &m_stores;
    const Clock &m_clock;
    const SessionOptions m_options;
    WaitingLine m_waiting;
    std::optional<storage::TaskDetail> m_followed;
    storage::Flow m_flow = storage::Flow::Runs;
    storage::OnError m_onError = storage::OnError::AsSubmitted;
    std::optional<storage::TaskRecord> m_current;
    bool m_executing = false;  // the current task is the kernel's affair
    bool m_hasLeft = false;    // and its request is on the way to it
    End m_end = End::None;
    std::optional<storage::AuditNote> m_endNote;
    Waiter<> m_ended;  // of the current task
    SessionKernel m_kernel;
    bool m_kernelEnds = false;  // nothing may begin on it
    bool m_hasState = false;    // a cell has run on it
    bool m_isCulled = false;    // and that is gone, which nobody has asked for
    QTimer m_limit;             // of the task that runs
    QTimer m_inputLimit;        // of what it asks for
    QTimer m_grace;             // after an interrupt that the cell ignores
    QTimer m_idle;              // since the last task has ended
    bool m_stopping = false;
    Waiter<> m_wake;
    Waiter<> m_stopped;
    std::uint64_t m_widgets = 0;  // the version that the notebook has
    RunAhead m_ahead;
    TaskLog m_log;
    EndRecorder m_ends;
    PartialRecord m_partial;
    Coalescer m_anew;  // what the cell that runs has shown anew of earlier ones
    bool m_isShowingAnew = false;
    UtcTime m_nextAnew{};
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
