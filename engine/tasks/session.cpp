#include "tasks/session.h"

#include "async/sleep.h"
#include "base/crashpoint.h"
#include "tasks/handover.h"
#include "tasks/outcome.h"

namespace celldeck::tasks {

using storage::TaskOutcome;
using storage::TaskRecord;
using storage::TaskState;

namespace {

// How soon a task is tried again whose step the disk refused: it must not go on without. That the
// disk refuses is told by the database, once for all tasks.
constexpr Milliseconds StorageRetry{1'000};

// What a crash may cost of a running task's outputs; more where they are big, since each time all
// of them are written: a thousandth of a second for each so many bytes.
constexpr Milliseconds KeepInterval{1'000};
constexpr qsizetype KeptBytesAMs = 1'024;

}  // namespace

Session::Session(QString notebookPath, storage::Stores &stores, const Clock &clock,
                 SessionOptions options, kernels::KernelPool &pool)
    : m_path(std::move(notebookPath)),
      m_stores(stores),
      m_clock(clock),
      m_shutdownGrace(options.shutdownGrace),
      m_assets(options.assets),
      m_kernel(m_path, stores.kernels, clock, std::move(options), pool),
      m_results(m_path),
      m_keep(KeepInterval, [this] { keepOutputs(); })
{
    connect(&m_kernel, &SessionKernel::replaced, this, [this] { m_displays.clear(); });
    connect(&m_kernel, &SessionKernel::failed, this, &Session::failed);
    m_limit.setSingleShot(true);
    m_grace.setSingleShot(true);
    connect(&m_limit, &QTimer::timeout, this, [this] { endRunning(End::Limit); });
    connect(&m_grace, &QTimer::timeout, this, &Session::handleGraceOver);
    connect(&m_results, &ResultWriter::failed, this, &Session::failed);
    if (m_assets)
        connect(&m_results, &ResultWriter::written, this, [this] { m_assets->touch(m_path); });
    m_scope.start(work());
}

Session::~Session()
{
    // The kernel's waits end with it, so that every coroutine of ours can run to its end below.
    m_stopping = true;
    m_kernel.drop();
}

void Session::enqueue(const QList<TaskRecord> &tasks)
{
    m_pending.insert(m_pending.end(), tasks.begin(), tasks.end());
    if (!isPaused())  // Otherwise `setFlow` wakes it.
        m_wake.resolve({});
}

Json Session::liveOutputs(storage::TaskId id) const
{
    if (!m_executing || !m_kernel.get() || !m_current || m_current->id != id)
        return Json::array();
    return m_kernel.get()->lastOutputs();
}

QCoro::Task<> Session::work()
{
    while (!m_stopping && !m_scope.isClosed()) {
        if (!m_followed && (m_pending.empty() || isPaused())) {
            m_wake = {};
            const Result<> woken = co_await m_wake.wait(m_scope);
            if (!woken)
                break;
            continue;
        }
        m_end = End::None;
        m_ended = {};
        if (m_followed) {
            storage::TaskDetail followed = std::move(*std::exchange(m_followed, {}));
            m_current = followed.task;
            co_await followTask(std::move(followed));
        } else {
            m_current = std::move(m_pending.front());
            m_pending.pop_front();
            co_await runTask(*m_current);
        }
        m_current.reset();
        m_ended.resolve({});
    }
    const Result<> finished = co_await m_finished.wait(m_scope);
    if (finished)
        m_stopped.resolve({});
}

QCoro::Task<> Session::runTask(TaskRecord task)
{
    const Waiter<> ready = startKernel(task.kernelName);
    const Result<> started = co_await ready.wait(m_scope);
    if (m_stopping || (!started && started.error().code == ErrorCode::Cancelled))
        co_return;  // It stays pending, and runs when the engine is back.
    if (!started) {
        TaskOutcome outcome;
        outcome.state = TaskState::Failed;
        outcome.error = started.error().message;
        co_await finish(task, outcome);
        if (task.batch)
            co_await finishPending(takeBatch(task), QStringLiteral("its kernel did not start"));
        co_return;
    }

    QByteArray messageId;
    if (m_end == End::None && m_kernel.get()) {
        messageId = m_kernel.get()->newMessageId();
        const bool begun = co_await begin(task, messageId);
        if (!begun)
            co_return;
        task = *m_current;
    }
    if (m_end == End::Cancel)
        co_return;  // Whoever cancelled it has ended it.
    if (m_stopping || m_end == End::Stop || !m_kernel.get()) {
        TaskOutcome outcome;
        outcome.state = m_stopping ? TaskState::Interrupted : TaskState::Cancelled;
        outcome.error = m_stopping ? QStringLiteral("the engine was stopped before it ran")
                                   : QStringLiteral("its kernel was stopped before it ran");
        co_await finish(task, outcome);
        co_return;
    }
    crashPoint("session.running_committed");
    if (task.limit)
        m_limit.start(*task.limit);
    m_executing = true;
    kernels::ExecuteOptions options;
    options.stopOnError = false;  // What follows an error is the queue's decision.
    const Result<kernels::Execution> execution = co_await m_kernel.get()->execute(
        messageId, task.code, options, [this](const Json &outputs) { showOutputs(outputs); });
    co_await conclude(task, execution);
}

QCoro::Task<> Session::followTask(storage::TaskDetail detail)
{
    const TaskRecord task = detail.task;
    const auto soFar = parseJson(detail.outputs);
    m_executing = true;
    if (task.limit && task.startedAt)
        m_limit.start(std::max(Milliseconds(0), *task.startedAt + *task.limit - m_clock.now()));
    const Result<kernels::Execution> execution =
        co_await m_kernel.get()->follow(task.messageId, soFar ? *soFar : Json::array(),
                                        [this](const Json &outputs) { showOutputs(outputs); });
    if (m_stopping && !execution && execution.error().code == ErrorCode::Cancelled)
        co_return;  // It stays running on disk, for the next engine to follow.
    co_await conclude(task, execution);
}

QCoro::Task<> Session::conclude(TaskRecord task, Result<kernels::Execution> execution)
{
    crashPoint("session.replied");
    m_executing = false;
    m_limit.stop();
    m_grace.stop();
    TaskOutcome outcome =
        outcomeOf(execution, m_end, m_kernel.get() ? m_kernel.get()->lastOutputs() : Json::array());
    outcome.finishedAt = m_clock.now();
    // What it changed in other cells first: whoever is told of its end finds all that it did.
    if (execution)
        co_await showAnew(execution->updates);
    if (execution)
        m_displays.remember({ended(task, outcome), execution->outputs, execution->displays});
    const Result<> before = co_await m_finished.wait(m_scope);
    if (!before)
        co_return;
    if (outcome.state == TaskState::Completed && m_end == End::None && !m_pending.empty() &&
        !isPaused()) {
        m_finished = {};
        m_scope.start(finishBesideTheNext(task, outcome, m_finished));
        co_return;
    }
    co_await finish(task, outcome);
    // An engine that stops is no failure of the cell: what waits behind it runs when it is back.
    const bool isOurStop = m_stopping && outcome.state == TaskState::Interrupted;
    if (outcome.state != TaskState::Completed && !isOurStop)
        co_await cancelTheRest(task, !execution && execution.error().code == ErrorCode::KernelDied);
}

QCoro::Task<> Session::cancelTheRest(TaskRecord task, bool kernelGone)
{
    if (m_onError == storage::OnError::Stop) {
        const QList<TaskRecord> waiting(m_pending.begin(), m_pending.end());
        m_pending.clear();
        co_await finishPending(waiting, QStringLiteral("an earlier cell did not complete, and "
                                                       "its notebook stops on errors"));
        co_return;
    }
    const bool stops = task.stopOnError && m_onError == storage::OnError::AsSubmitted;
    if (task.batch && (stops || kernelGone))
        co_await finishPending(takeBatch(task),
                               QStringLiteral("an earlier cell of its run did not complete"));
}

void Session::showOutputs(const Json &outputs)
{
    if (!m_current)
        return;
    Q_EMIT outputsChanged(m_current->id, outputs);
    m_keep.poke();
}

void Session::keepOutputs()
{
    if (!m_executing || !m_current || !m_kernel.get())
        return;
    if (m_clock.now() - m_keptAt < Milliseconds(m_keptBytes / KeptBytesAMs)) {
        m_keep.poke();
        return;
    }
    QByteArray outputs = toBytes(m_kernel.get()->lastOutputs());
    m_keptAt = m_clock.now();
    m_keptBytes = outputs.size();
    m_scope.start(keepPartial(m_current->id, std::move(outputs)));
}

QCoro::Task<> Session::keepPartial(storage::TaskId id, QByteArray outputs)
{
    const Waiter<> keeping = m_stores.tasks.keepPartial(id, std::move(outputs));
    // Stale: it has come to its end meanwhile, with all of its outputs. What the disk refuses is
    // written with the next ones, or with the end.
    const Result<> kept = co_await keeping.wait(m_scope);
    if (!kept)
        m_keptBytes = 0;
}

QCoro::Task<> Session::showAnew(QList<kernels::OutputCollector::DisplayUpdate> updates)
{
    const QList<DisplayBook::Shown> changed = m_displays.apply(updates);
    for (const DisplayBook::Shown &shown : changed) {
        const QByteArray outputs = toBytes(shown.outputs);
        const Result<Outputs> record = co_await handOver(m_assets, shown.task, {outputs}, &m_scope);
        const Waiter<> amending =
            m_stores.tasks.amendOutputs(shown.task.id, record ? record->json : outputs);
        const Result<> amended = co_await amending.wait(m_scope);
        if (!amended && amended.error().code == ErrorCode::Cancelled)
            co_return;
        if (!amended) {
            Q_EMIT failed(amended.error().message);
            continue;
        }
        TaskOutcome outcome;
        outcome.outputs = outputs;
        outcome.executionCount = shown.task.executionCount;
        if (auto result = resultOf(shown.task, outcome))
            m_results.add(std::move(*result));
        Q_EMIT taskChanged(shown.task);
    }
}

QCoro::Task<bool> Session::begin(TaskRecord task, QByteArray messageId)
{
    for (;;) {
        const UtcTime now = m_clock.now();
        const Waiter<> marking = m_stores.tasks.markRunning(task.id, messageId, now);
        const Result<> marked = co_await marking.wait(m_scope);
        if (marked) {
            task.state = TaskState::Running;
            task.startedAt = now;
            task.messageId = messageId;
            m_current = task;
            Q_EMIT taskChanged(task);
            co_return true;
        }
        if (marked.error().code != ErrorCode::StorageUnavailable || m_stopping)
            co_return false;  // Stale: it was cancelled while its kernel started.
        const Result<> slept = co_await sleepFor(m_scope, StorageRetry);
        if (!slept)
            co_return false;
    }
}

QCoro::Task<> Session::finish(TaskRecord task, TaskOutcome outcome)
{
    if (outcome.finishedAt == UtcTime{})
        outcome.finishedAt = m_clock.now();
    TaskOutcome record = outcome;  // The notebook gets all, the record what it can hold.
    const Result<Outputs> handed = co_await handOver(m_assets, task, {outcome.outputs}, &m_scope);
    if (handed)
        record.outputs = handed->json;
    else if (handed.error().code != ErrorCode::Cancelled)
        Q_EMIT failed(handed.error().message);
    for (;;) {
        const Waiter<> finishing = m_stores.tasks.finish(task.id, record);
        const Result<> finished = co_await finishing.wait(m_scope);
        if (finished)
            break;
        if (finished.error().code != ErrorCode::StorageUnavailable || m_stopping)
            co_return;
        const Result<> slept = co_await sleepFor(m_scope, StorageRetry);
        if (!slept)
            co_return;
    }
    crashPoint("session.end_committed");
    if (auto result = resultOf(task, outcome); result && task.state == TaskState::Running)
        m_results.add(std::move(*result));
    announce(task, outcome);
}

QCoro::Task<> Session::finishBesideTheNext(TaskRecord task, TaskOutcome outcome, Waiter<> finished)
{
    co_await finish(std::move(task), std::move(outcome));
    finished.resolve({});
}

void Session::announce(const TaskRecord &task, const TaskOutcome &outcome)
{
    Q_EMIT taskChanged(ended(task, outcome));
}

QList<TaskRecord> Session::takeBatch(const TaskRecord &task)
{
    QList<TaskRecord> taken;
    std::erase_if(m_pending, [&](const TaskRecord &pending) {
        if (pending.batch != task.batch)
            return false;
        taken.append(pending);
        return true;
    });
    return taken;
}

QCoro::Task<> Session::finishPending(QList<TaskRecord> tasks, QString error)
{
    if (tasks.isEmpty())
        co_return;
    QList<storage::TaskId> ids;
    for (const TaskRecord &task : tasks)
        ids << task.id;
    TaskOutcome outcome;
    outcome.state = TaskState::Cancelled;
    outcome.error = error;
    outcome.finishedAt = m_clock.now();
    for (;;) {
        const auto finishing = m_stores.tasks.finishPending(ids, outcome);
        const Result<QList<storage::TaskId>> changed = co_await finishing.wait(m_scope);
        if (changed) {
            for (const TaskRecord &task : tasks) {
                if (changed->contains(task.id))
                    announce(task, outcome);
            }
            co_return;
        }
        if (changed.error().code != ErrorCode::StorageUnavailable || m_stopping)
            co_return;
        const Result<> slept = co_await sleepFor(m_scope, StorageRetry);
        if (!slept)
            co_return;
    }
}

Waiter<> Session::cancel(storage::TaskId id)
{
    const Waiter<> done;
    if (m_current && m_current->id == id && m_current->state == TaskState::Running) {
        endRunning(End::Cancel);
        return m_ended;
    }
    if (m_current && m_current->id == id) {
        m_end = End::Cancel;  // It must not leave for its kernel any more.
        m_scope.start(cancelPending(*m_current, done));
        return done;
    }
    const auto found =
        std::ranges::find_if(m_pending, [id](const TaskRecord &task) { return task.id == id; });
    if (found == m_pending.end())
        return Waiter<>::resolved(
            fail(ErrorCode::NotFound,
                 QStringLiteral("task %1 is not waiting or running any more").arg(toText(id))));
    TaskRecord task = std::move(*found);
    m_pending.erase(found);
    m_scope.start(cancelPending(std::move(task), done));
    return done;
}

Waiter<QList<storage::TaskId>> Session::cancelAll()
{
    const Waiter<QList<storage::TaskId>> done;
    m_scope.start(cancelEverything(done));
    return done;
}

QCoro::Task<> Session::cancelEverything(Waiter<QList<storage::TaskId>> done)
{
    QList<storage::TaskId> ids;
    std::vector<Waiter<>> ends;
    // The last first, so that none begins only to be cancelled.
    while (!m_pending.empty()) {
        ids.prepend(m_pending.back().id);
        ends.push_back(cancel(m_pending.back().id));
    }
    if (m_current && !isFinal(m_current->state)) {
        ids.prepend(m_current->id);
        ends.push_back(cancel(m_current->id));
    }
    for (const Waiter<> &end : ends) {
        const Result<> ended = co_await end.wait(m_scope);
        if (!ended) {
            done.resolve(fail(ended.error()));
            co_return;
        }
    }
    done.resolve(ids);
}

Waiter<> Session::move(storage::TaskId id, qsizetype position)
{
    const auto found =
        std::ranges::find_if(m_pending, [id](const TaskRecord &task) { return task.id == id; });
    if (found == m_pending.end())
        return Waiter<>::resolved(fail(
            ErrorCode::NotFound, QStringLiteral("task %1 does not wait any more").arg(toText(id))));
    TaskRecord task = std::move(*found);
    m_pending.erase(found);
    position = std::clamp<qsizetype>(position, 0, qsizetype(m_pending.size()));
    m_pending.insert(m_pending.begin() + position, std::move(task));
    QList<storage::TaskId> order;
    for (const TaskRecord &pending : m_pending)
        order << pending.id;
    return m_stores.tasks.reorder(order);
}

void Session::setFlow(storage::Flow flow)
{
    m_flow = flow;
    m_wake.resolve({});
}

Result<> Session::attach(const storage::KernelRecord &kernel)
{
    return m_kernel.attach(kernel);
}

void Session::follow(const storage::TaskDetail &task)
{
    m_followed = task;
    m_wake.resolve({});
}

void Session::writeAgain(const storage::TaskDetail &task)
{
    TaskOutcome outcome;
    outcome.outputs = task.outputs;
    outcome.executionCount = task.task.executionCount;
    if (auto result = resultOf(task.task, outcome))
        m_results.add(std::move(*result));
}

QCoro::Task<> Session::cancelPending(TaskRecord task, Waiter<> done)
{
    TaskOutcome outcome;
    outcome.state = TaskState::Cancelled;
    outcome.error = QStringLiteral("cancelled before it ran");
    co_await finish(task, outcome);
    done.resolve({});
}

void Session::endRunning(End why)
{
    if (m_end != End::None)
        return;
    m_end = why;
    if (!m_executing || !m_kernel.get())
        return;
    m_kernel.get()->interrupt();
    m_grace.start(m_shutdownGrace);
}

void Session::handleGraceOver()
{
    // A cell that ignores the interrupt takes its kernel with it.
    m_scope.start(endKernel(Waiter<>()));
}

Waiter<> Session::stopKernel()
{
    const Waiter<> done;
    if (!m_kernel.get())
        return Waiter<>::resolved(
            fail(ErrorCode::NoKernel, QStringLiteral("%1 has no kernel").arg(m_path)));
    if (m_current && m_end == End::None)
        m_end = End::Stop;
    const QList<TaskRecord> pending(m_pending.begin(), m_pending.end());
    m_pending.clear();
    m_scope.start(finishPending(pending, QStringLiteral("its kernel was stopped")));
    m_scope.start(endKernel(done));
    return done;
}

QCoro::Task<> Session::endKernel(Waiter<> done)
{
    // The next engine is told that what waits here has lost the state that it was to find.
    const auto record = m_stopping && !m_pending.empty() ? SessionKernel::Record::Keep
                                                         : SessionKernel::Record::Forget;
    const Waiter<> closing = m_kernel.shutdown(record);
    const Result<> closed = co_await closing.wait(m_scope);
    if (!closed)
        co_return;
    if (m_executing) {
        const Result<> waited = co_await m_ended.wait(m_scope);
        if (!waited)
            co_return;
    }
    if (!m_kernel.isStarting())
        m_kernel.drop();
    done.resolve({});
}

Waiter<> Session::startKernel(const QString &kernelName)
{
    return m_kernel.start(kernelName);
}

Waiter<> Session::stop()
{
    const Waiter<> done;
    m_scope.start(end(done));
    return done;
}

QCoro::Task<> Session::end(Waiter<> done)
{
    m_stopping = true;
    m_wake.resolve({});
    if (m_executing)
        endRunning(End::Stop);
    if (m_kernel.isStarting())
        m_kernel.drop();
    const Result<> worked = co_await m_stopped.wait(m_scope);
    if (!worked)
        co_return;
    const Waiter<> flushed = m_results.flushed();
    const Result<> written = co_await flushed.wait(m_scope);
    if (!written)
        co_return;
    const Waiter<> kernelEnded;
    co_await endKernel(kernelEnded);
    done.resolve({});
}

}  // namespace celldeck::tasks
