#include "tasks/rescuer.h"

#include <QDateTime>
#include <QFileInfo>
#include <QLoggingCategory>

#include "base/crashpoint.h"
#include "kernels/framefile.h"
#include "kernels/questionnote.h"
#include "kernels/sentnote.h"
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

// How many of the last results of a notebook are looked at for those that its file lacks. They are
// written about twice a second, and what ended while one write was under way is in the next.
constexpr int MaxWrittenAgain = 200;
constexpr Milliseconds WriteTakes{2'000};

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
    crashPoint("recovery.begun");
    const auto loadingKernels = m_stores.kernels.load();
    const Result<QList<KernelRecord>> kernels = co_await loadingKernels.wait(m_scope);
    if (!kernels)
        co_return fail(kernels.error());
    // There may be 100,000: so nobody else holds them, and they are handed on uncopied from here.
    Result<QList<TaskRecord>> tasks = co_await m_stores.tasks.loadUnfinished().wait(m_scope);
    if (!tasks)
        co_return fail(tasks.error());

    kernels::removeLeftFrameFiles(m_runtimeDirectory);
    std::map<QString, Left> notebooks;
    // Of the kernels that were there: others begin while this goes on.
    const QStringList notes =
        kernels::sentNotes(m_runtimeDirectory) + kernels::questionNotes(m_runtimeDirectory);
    // All kernels first: what of them nobody takes up is ended before the first new one starts.
    QSet<QString> known;
    QSet<QString> sessions;
    for (const KernelRecord &kernel : *kernels) {
        Left &left = notebooks[kernel.notebookPath];
        left.kernel = kernel;
        if (kernel.isLost())
            continue;
        const Result<> attached = m_sessionOf(kernel.notebookPath).attach(kernel);
        left.attached = attached.has_value();
        if (attached) {
            known.insert(kernel.connectionFile);
            sessions.insert(kernel.session);
        } else {
            qCInfo(log, "%s: its kernel is not taken up: %s", qUtf8Printable(kernel.notebookPath),
                   qUtf8Printable(attached.error().message));
        }
    }
    crashPoint("recovery.kernels_attached");
    m_report.strays = kernels::endStrays(m_runtimeDirectory, known);
    crashPoint("recovery.strays_ended");
    Left *left = nullptr;  // of the task before, which is mostly of the same notebook
    for (TaskRecord &task : *tasks) {
        if (!left || left->notebookPath != task.notebookPath) {
            left = &notebooks[task.notebookPath];
            left->notebookPath = task.notebookPath;
        }
        (task.state == TaskState::Running ? left->running : left->pending).append(std::move(task));
    }
    tasks->clear();
    if (m_report.uncleanSince) {
        // Those too whose kernel was gone already: their files may lack results.
        const auto listing = m_stores.tasks.list(storage::TaskFilter());
        const Result<QList<TaskRecord>> last = co_await listing.wait(m_scope);
        if (!last)
            co_return fail(last.error());
        for (const TaskRecord &task : *last)
            notebooks.try_emplace(task.notebookPath);
    }
    for (auto &[path, found] : notebooks) {
        found.notebookPath = path;
        const Result<> rescued = co_await rescue(std::move(found), recovery);
        if (!rescued)
            co_return fail(rescued.error());
        crashPoint("recovery.notebook_done");
    }
    for (const QString &session : notes) {
        if (sessions.contains(session))
            continue;
        kernels::removeQuestionNote(m_runtimeDirectory, session);
        kernels::removeSentNote(m_runtimeDirectory, session);
    }
    co_return m_report;
}

QCoro::Task<Result<>> Rescuer::rescue(Left found, Recovery recovery)
{
    Result<Left> settled = co_await settle(std::move(found));
    if (!settled)
        co_return fail(settled.error());
    const QString path = settled->notebookPath;
    const qsizetype restored = settled->pending.size();
    const Result<> ended = co_await endRunning(*settled);
    if (!ended)
        co_return ended;
    if (m_report.uncleanSince) {
        const Result<> written = co_await writeAgain(path);
        if (!written)
            co_return written;
    }
    const std::optional<KernelRecord> kernel = settled->kernel;
    Result<QList<TaskRecord>> order = co_await loseKernel(std::move(*settled), recovery);
    if (!order)
        co_return fail(order.error());
    if (order->isEmpty())
        co_return Result<>{};
    Session &session = m_sessionOf(path);
    if (recovery == Recovery::Hold) {
        const storage::AuditNote note{.by = {},
                                      .action = storage::Action::Pause,
                                      .at = m_clock.now(),
                                      .notebookPath = path,
                                      .detail = QStringLiteral("held after a crash")};
        const Waiter<> pausing = m_stores.orders.setFlow(path, storage::Flow::Paused, note);
        const Result<> paused = co_await pausing.wait(m_scope);
        if (!paused)
            co_return paused;
        crashPoint("recovery.held");
        session.setFlow(storage::Flow::Paused);
    }
    // Its session may have moved there.
    if (kernel)
        session.preferKernel(kernel->name);
    m_report.restored += int(restored);
    for (const TaskRecord &task : std::as_const(*order))
        m_unfinished(task);
    session.enqueue(std::move(*order));
    co_return Result<>{};
}

/// What has left for a kernel, or may have, counts as running, and nothing else does: a task that
/// was to run next may be under way, and one that was marked as running may never have left.
QCoro::Task<Result<Rescuer::Left>> Rescuer::settle(Left left)
{
    if (left.running.isEmpty() && std::ranges::all_of(std::as_const(left.pending),
                                                      &QByteArray::isEmpty, &TaskRecord::messageId))
        co_return std::move(left);
    QList<TaskRecord> found = std::exchange(left.running, {}) + std::exchange(left.pending, {});
    left.pending.reserve(found.size());
    for (TaskRecord &task : found) {
        const bool wasRunning = task.state == TaskState::Running;
        const bool hasLeft =
            task.messageId.isEmpty()
                ? wasRunning
                : kernels::wasSent(m_runtimeDirectory, task.messageId) == kernels::Sent::Perhaps;
        std::optional<Waiter<>> settling;
        if (hasLeft && !wasRunning) {
            task.startedAt = m_clock.now();
            settling = m_stores.tasks.markRunning(task.id, task.messageId, *task.startedAt);
        } else if (!hasLeft && wasRunning) {
            task.startedAt.reset();
            settling = m_stores.tasks.putBack(task.id);
        } else if (!hasLeft && !task.messageId.isEmpty()) {
            settling = m_stores.tasks.announce(task.id, {});
        }
        if (settling) {
            const Result<> done = co_await settling->wait(m_scope);
            if (!done)
                co_return fail(done.error());
            crashPoint("recovery.settled");
        }
        task.state = hasLeft ? TaskState::Running : TaskState::Pending;
        if (!hasLeft)
            task.messageId.clear();
        (hasLeft ? left.running : left.pending) << std::move(task);
    }
    co_return std::move(left);
}

/// A kernel that was taken up may show anew what its cells have shown.
QCoro::Task<Result<>> Rescuer::rememberShown(Left left)
{
    if (!left.attached)
        co_return Result<>{};
    const auto loading = m_stores.tasks.loadShown(left.notebookPath, left.kernel->since);
    const Result<QList<TaskDetail>> shown = co_await loading.wait(m_scope);
    if (!shown)
        co_return fail(shown.error());
    m_sessionOf(left.notebookPath).rememberShown(*shown);
    co_return Result<>{};
}

/// What was running is followed where its kernel still works on it, and ended else.
QCoro::Task<Result<>> Rescuer::endRunning(Left left)
{
    // No more than one can run: the one that left last, if it has; the kernel will tell. The
    // others have ended on it, and what they said has gone with the engine.
    const QByteArray session = left.kernel ? left.kernel->session.toLatin1() + '_' : QByteArray();
    const QList<TaskRecord> &running = std::as_const(left.running);
    const auto last = std::ranges::max_element(running, {}, [&](const TaskRecord &task) {
        return std::pair(task.messageId.startsWith(session),
                         kernels::requestNumber(task.messageId));
    });
    const std::optional<TaskRecord> followed =
        left.attached && last != running.end() ? std::optional(*last) : std::nullopt;
    for (const TaskRecord &task : running) {
        if (followed && task.id == followed->id)
            continue;
        const Result<> ended = co_await interrupt(
            task, left.attached
                      ? QStringLiteral("the engine ended before what came of it was recorded")
                      : QStringLiteral("the engine ended while it ran, and its kernel with it"));
        if (!ended)
            co_return ended;
        crashPoint("recovery.interrupted");
    }
    // Before the one that may show it anew.
    const Result<> remembered = co_await rememberShown(left);
    if (!remembered || !followed)
        co_return remembered;
    const auto loading = m_stores.tasks.load(followed->id);
    const Result<TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail)
        co_return fail(detail.error());
    m_unfinished(*followed);
    ++m_report.followed;
    m_sessionOf(left.notebookPath).follow(*detail);
    co_return Result<>{};
}

/// The pending tasks in their order; where their kernel is gone, with what rebuilds its state
/// before them, or with the mark that it is lost.
QCoro::Task<Result<QList<TaskRecord>>> Rescuer::loseKernel(Left left, Recovery recovery)
{
    const bool isKnown = left.kernel && left.kernel->isLost() && !left.pending.isEmpty();
    if (!left.kernel || left.attached || isKnown)
        co_return std::move(left.pending);
    QList<TaskId> pending;
    for (const TaskRecord &task : std::as_const(left.pending))
        pending << task.id;
    QList<storage::TaskDraft> rebuilding;
    if (recovery == Recovery::Replay && !pending.isEmpty()) {
        const Result<QList<storage::TaskDraft>> drafts = co_await replays(*left.kernel);
        if (!drafts)
            co_return fail(drafts.error());
        rebuilding = *drafts;
    }
    // One step: a crash behind it must find neither the tasks unmarked nor the replays twice.
    auto losing = m_stores.tasks.loseKernel(left.notebookPath, rebuilding, pending, m_clock.now());
    Result<QList<TaskRecord>> again = co_await losing.wait(m_scope);
    if (!again && again.error().code == ErrorCode::QueueFull) {
        losing = m_stores.tasks.loseKernel(left.notebookPath, {}, pending, m_clock.now());
        again = co_await losing.wait(m_scope);
    }
    if (!again)
        co_return again;
    crashPoint("recovery.kernel_lost");
    m_report.replayed += int(again->size());
    if (again->isEmpty()) {
        for (TaskRecord &task : left.pending)
            task.stateLost = true;
        m_report.stateLost += int(left.pending.size());
    }
    co_return std::move(*again) + std::move(left.pending);
}

QCoro::Task<Result<>> Rescuer::interrupt(TaskRecord task, QString why)
{
    const auto loading = m_stores.tasks.load(task.id);
    const Result<TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail)
        co_return fail(detail.error());
    // Its request had left: whether it did its work nobody knows, so it is not run again.
    storage::TaskOutcome outcome;
    outcome.state = TaskState::Interrupted;
    outcome.error = std::move(why);
    outcome.outputs = detail->outputs;
    outcome.finishedAt = m_clock.now();
    const storage::AuditNote note{.by = {},
                                  .action = storage::Action::Interrupt,
                                  .at = outcome.finishedAt,
                                  .notebookPath = task.notebookPath,
                                  .task = task.id};
    const Waiter<> finishing = m_stores.tasks.finish(task.id, outcome, note);
    const Result<> finished = co_await finishing.wait(m_scope);
    ++m_report.interrupted;
    co_return finished;
}

/// What ended after the file was written last has not come into it.
QCoro::Task<Result<>> Rescuer::writeAgain(QString notebookPath)
{
    const QFileInfo file(notebookPath);
    if (!file.exists())
        co_return Result<>{};
    const UtcTime since =
        UtcTime(Milliseconds(file.lastModified().toMSecsSinceEpoch())) - WriteTakes;
    storage::TaskFilter filter;
    filter.notebookPath = notebookPath;
    filter.limit = MaxWrittenAgain;
    const auto listing = m_stores.tasks.list(filter);
    Result<QList<TaskRecord>> tasks = co_await listing.wait(m_scope);
    if (!tasks)
        co_return fail(tasks.error());
    tasks->removeIf([since](const TaskRecord &task) {
        return !task.writeBack || !task.startedAt || !task.finishedAt || *task.finishedAt < since;
    });
    std::ranges::sort(*tasks, {}, &TaskRecord::finishedAt);
    for (const TaskRecord &task : std::as_const(*tasks)) {
        const auto loading = m_stores.tasks.load(task.id);
        const Result<TaskDetail> detail = co_await loading.wait(m_scope);
        if (!detail)
            co_return fail(detail.error());
        m_sessionOf(notebookPath).writeAgain(*detail);
    }
    co_return Result<>{};
}

/// The completed tasks of a kernel that is gone, as drafts in their order.
QCoro::Task<Result<QList<storage::TaskDraft>>> Rescuer::replays(KernelRecord lost)
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
    co_return drafts;
}

}  // namespace celldeck::tasks
