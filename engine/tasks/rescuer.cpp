#include "tasks/rescuer.h"

#include <QLoggingCategory>

#include "kernels/strays.h"

namespace celldeck::tasks {

using storage::KernelRecord;
using storage::TaskDetail;
using storage::TaskId;
using storage::TaskRecord;
using storage::TaskState;

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.rescuer", QtInfoMsg)

// How many of a session's completed tasks are looked at to rebuild its state.
constexpr int MaxReplayed = 1'000;

}  // namespace

/// What one notebook has on disk.
struct Rescuer::Left
{
    QString notebookPath;
    std::optional<KernelRecord> kernel;
    bool attached = false;
    QList<TaskRecord> running;
    QList<TaskRecord> pending;
};

Rescuer::Rescuer(storage::Stores &stores, const Clock &clock, QString runtimeDirectory,
                 SessionOf sessionOf)
    : m_stores(stores),
      m_clock(clock),
      m_runtimeDirectory(std::move(runtimeDirectory)),
      m_sessionOf(std::move(sessionOf))
{}

QCoro::Task<Result<RescueReport>> Rescuer::run(Recovery recovery,
                                               std::function<void(const TaskRecord &)> unfinished)
{
    m_unfinished = std::move(unfinished);
    m_report = {};
    const auto beginning = m_stores.orders.begin(m_clock.now());
    const auto begun = co_await beginning.wait(m_scope);
    if (!begun)
        co_return fail(begun.error());
    m_report.uncleanSince = *begun;
    const auto loadingKernels = m_stores.kernels.load();
    const Result<QList<KernelRecord>> kernels = co_await loadingKernels.wait(m_scope);
    if (!kernels)
        co_return fail(kernels.error());
    const auto loadingTasks = m_stores.tasks.loadUnfinished();
    const Result<QList<TaskRecord>> tasks = co_await loadingTasks.wait(m_scope);
    if (!tasks)
        co_return fail(tasks.error());

    std::map<QString, Left> notebooks;
    // All kernels first: what of them nobody takes up is ended before the first new one starts.
    QSet<QString> known;
    for (const KernelRecord &kernel : *kernels) {
        Left &left = notebooks[kernel.notebookPath];
        left.kernel = kernel;
        const Result<> attached = m_sessionOf(kernel.notebookPath).attach(kernel);
        left.attached = attached.has_value();
        if (attached)
            known.insert(kernel.connectionFile);
        else
            qCInfo(log, "%s: its kernel is not taken up: %s", qUtf8Printable(kernel.notebookPath),
                   qUtf8Printable(attached.error().message));
    }
    m_report.strays = kernels::endStrays(m_runtimeDirectory, known);
    for (const TaskRecord &task : *tasks) {
        Left &left = notebooks[task.notebookPath];
        (task.state == TaskState::Running ? left.running : left.pending).append(task);
    }
    for (auto &[path, left] : notebooks) {
        left.notebookPath = path;
        const Result<> rescued = co_await rescue(std::move(left), recovery);
        if (!rescued)
            co_return fail(rescued.error());
    }
    co_return m_report;
}

QCoro::Task<Result<>> Rescuer::rescue(Left left, Recovery recovery)
{
    Session &session = m_sessionOf(left.notebookPath);
    for (const TaskRecord &task : std::as_const(left.running)) {
        // No more than one can run; its request may have left or not, the kernel will tell.
        if (left.attached && task.id == left.running.last().id) {
            const auto loading = m_stores.tasks.load(task.id);
            const Result<TaskDetail> detail = co_await loading.wait(m_scope);
            if (!detail)
                co_return fail(detail.error());
            m_unfinished(task);
            ++m_report.followed;
            session.follow(*detail);
            continue;
        }
        const Result<> ended = co_await interrupt(task);
        if (!ended)
            co_return ended;
    }
    const bool lost = left.kernel && !left.attached;
    if (lost) {
        const Waiter<> forgetting = m_stores.kernels.remove(left.notebookPath);
        const Result<> forgotten = co_await forgetting.wait(m_scope);
        if (!forgotten)
            co_return forgotten;
    }
    if (left.pending.isEmpty())
        co_return Result<>{};
    QList<TaskRecord> order = left.pending;
    m_report.restored += int(order.size());
    bool rebuilt = false;
    if (lost && recovery == Recovery::Replay) {
        const Result<QList<TaskRecord>> again = co_await replays(*left.kernel);
        rebuilt = again.has_value();
        if (rebuilt) {
            m_report.replayed += int(again->size());
            order = *again + order;
        } else if (again.error().code != ErrorCode::QueueFull) {
            co_return fail(again.error());
        }
    }
    QList<TaskId> ids;
    for (const TaskRecord &task : std::as_const(order))
        ids << task.id;
    if (lost && !rebuilt) {
        const Waiter<> marking = m_stores.tasks.markStateLost(ids);
        const Result<> marked = co_await marking.wait(m_scope);
        if (!marked)
            co_return marked;
        for (TaskRecord &task : order)
            task.stateLost = true;
        m_report.stateLost += int(order.size());
    }
    if (rebuilt) {
        const Waiter<> ordering = m_stores.tasks.reorder(ids);
        const Result<> ordered = co_await ordering.wait(m_scope);
        if (!ordered)
            co_return ordered;
    }
    if (recovery == Recovery::Hold) {
        const Waiter<> pausing = m_stores.orders.setFlow(left.notebookPath, storage::Flow::Paused);
        const Result<> paused = co_await pausing.wait(m_scope);
        if (!paused)
            co_return paused;
        session.setFlow(storage::Flow::Paused);
    }
    for (const TaskRecord &task : std::as_const(order))
        m_unfinished(task);
    session.enqueue(order);
    co_return Result<>{};
}

QCoro::Task<Result<>> Rescuer::interrupt(TaskRecord task)
{
    const auto loading = m_stores.tasks.load(task.id);
    const Result<TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail)
        co_return fail(detail.error());
    // Its request had left: whether it did its work nobody knows, so it is not run again.
    storage::TaskOutcome outcome;
    outcome.state = TaskState::Interrupted;
    outcome.error = QStringLiteral("the engine ended while it ran, and its kernel with it");
    outcome.outputs = detail->outputs;
    outcome.finishedAt = m_clock.now();
    const Waiter<> finishing = m_stores.tasks.finish(task.id, outcome);
    const Result<> finished = co_await finishing.wait(m_scope);
    ++m_report.interrupted;
    co_return finished;
}

/// The completed tasks of a kernel that is gone, as new tasks in their order.
QCoro::Task<Result<QList<TaskRecord>>> Rescuer::replays(KernelRecord lost)
{
    storage::TaskFilter filter;
    filter.states = {TaskState::Completed};
    filter.notebookPath = lost.notebookPath;
    filter.limit = MaxReplayed;
    const auto listing = m_stores.tasks.list(filter);
    const Result<QList<TaskRecord>> completed = co_await listing.wait(m_scope);
    if (!completed)
        co_return fail(completed.error());
    QList<TaskRecord> ofKernel;
    for (const TaskRecord &task : *completed) {
        if (task.startedAt && *task.startedAt >= lost.since)
            ofKernel << task;
    }
    std::ranges::sort(ofKernel, {}, [](const TaskRecord &task) { return *task.startedAt; });
    QList<storage::TaskDraft> drafts;
    for (const TaskRecord &task : std::as_const(ofKernel)) {
        storage::TaskDraft draft = storage::replayOf(task);
        draft.writeBack = false;  // The file has these outputs already.
        draft.stopOnError = false;
        drafts << draft;
    }
    if (drafts.isEmpty())
        co_return QList<TaskRecord>{};
    const auto inserting = m_stores.tasks.insert(drafts, m_clock.now());
    co_return co_await inserting.wait(m_scope);
}

}  // namespace celldeck::tasks
