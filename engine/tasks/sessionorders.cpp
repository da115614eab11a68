#include "tasks/session.h"

// What others ask of a session: how it stands, to cancel, to move, to end; and everything about its
// kernel. How its tasks run is in sessiontasks.cpp.
namespace celldeck::tasks {

using storage::TaskOutcome;
using storage::TaskRecord;
using storage::TaskState;

namespace {

// For what a kernel that was taken up, and waits, has not said of its widgets yet.
constexpr Milliseconds WidgetsTake{2'000};

}  // namespace

bool Session::isExecuting(storage::TaskId id) const
{
    return m_executing && m_kernel.get() && m_current && m_current->id == id;
}

const Json &Session::liveOutputs(storage::TaskId id) const
{
    static const Json Nothing = Json::array();
    return isExecuting(id) ? m_kernel.get()->lastOutputs() : Nothing;
}

std::optional<kernels::InputRequest> Session::input(storage::TaskId id) const
{
    return isExecuting(id) ? m_kernel.get()->input() : std::nullopt;
}

bool Session::mayHaveAsked(storage::TaskId id) const
{
    return isExecuting(id) && m_kernel.get()->mayHaveAsked();
}

SessionStatus Session::status() const
{
    SessionStatus status{.notebookPath = m_path};
    if (const kernels::Kernel *kernel = m_kernel.get()) {
        status.kernelState = kernel->state();
        status.spec = kernel->spec();
        status.pid = kernel->pid();
        status.responding = kernel->isResponding();
    }
    status.running = m_current;
    status.waiting = m_waiting.size();
    status.paused = m_flow == storage::Flow::Paused;
    if (m_current)
        status.input = input(m_current->id);
    return status;
}

storage::AuditNote Session::noteOf(storage::Action action, storage::Actor by) const
{
    return {.by = std::move(by), .action = action, .at = m_clock.now(), .notebookPath = m_path};
}

Waiter<> Session::cancel(storage::TaskId id, storage::Actor by)
{
    storage::AuditNote note = noteOf(storage::Action::Cancel, std::move(by));
    note.task = id;
    return endTask(id, std::move(note));
}

Waiter<> Session::endTask(storage::TaskId id, std::optional<storage::AuditNote> note)
{
    const Waiter<> done;
    if (m_current && m_current->id == id && m_current->state == TaskState::Running) {
        endRunning(End::Cancel, std::move(note));
        return m_ended;
    }
    if (m_current && m_current->id == id) {
        m_end = End::Cancel;  // It must not leave for its kernel any more.
        m_scope.start(cancelPending(*m_current, std::move(note), done));
        return done;
    }
    std::optional<TaskRecord> task = m_waiting.take(id);
    if (!task)
        return Waiter<>::resolved(
            fail(ErrorCode::NotFound,
                 QStringLiteral("task %1 is not waiting or running any more").arg(toText(id))));
    m_scope.start(cancelPending(std::move(*task), std::move(note), done));
    return done;
}

Waiter<QList<storage::TaskId>> Session::cancelAll(storage::Actor by)
{
    const Waiter<QList<storage::TaskId>> done;
    m_scope.start(cancelEverything(std::move(by), done));
    return done;
}

QCoro::Task<> Session::cancelEverything(storage::Actor by, Waiter<QList<storage::TaskId>> done)
{
    // One action: it is written with the first of these ends.
    std::optional<storage::AuditNote> note = noteOf(storage::Action::CancelAll, std::move(by));
    note->count = m_waiting.size() + (m_current && !isFinal(m_current->state) ? 1 : 0);
    QList<storage::TaskId> ids;
    std::vector<Waiter<>> ends;
    // Those that wait first, so that none begins only to be cancelled.
    for (const storage::TaskId id : m_waiting.ids()) {
        ids.append(id);
        ends.push_back(endTask(id, std::exchange(note, {})));
    }
    if (m_current && !isFinal(m_current->state)) {
        ids.prepend(m_current->id);
        ends.push_back(endTask(m_current->id, std::exchange(note, {})));
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

Waiter<> Session::move(storage::TaskId id, qsizetype position, storage::Actor by)
{
    if (!m_waiting.move(id, position))
        return Waiter<>::resolved(fail(
            ErrorCode::NotFound, QStringLiteral("task %1 does not wait any more").arg(toText(id))));
    storage::AuditNote note = noteOf(storage::Action::Move, std::move(by));
    note.task = id;
    note.detail = QStringLiteral("to place %1").arg(position);
    return m_stores.tasks.reorder(m_waiting.ids(), note);
}

void Session::setFlow(storage::Flow flow)
{
    m_flow = flow;
    m_wake.resolve({});
}

Result<> Session::attach(const storage::KernelRecord &kernel)
{
    m_wake.resolve({});  // From now on it can be idle.
    const Result<> attached = m_kernel.attach(kernel);
    m_hasState = attached.has_value();
    if (attached)
        m_scope.start(learnWidgets());
    return attached;
}

void Session::follow(const storage::TaskDetail &task)
{
    m_followed = task;
    m_wake.resolve({});
}

void Session::rememberShown(const QList<storage::TaskDetail> &tasks)
{
    for (const storage::TaskDetail &task : tasks) {
        auto outputs = parseJson(task.outputs);
        if (!outputs || !outputs->is_array() || !isFinal(task.task.state))
            continue;
        const kernels::Displays places =
            kernels::placesIn(*outputs, kernels::displayStateFrom(task.displays).places);
        m_ends.remember({task.task, std::move(*outputs), places});
    }
}

void Session::writeAgain(const storage::TaskDetail &task)
{
    m_ends.writeAgain(task);
}

QCoro::Task<> Session::cancelPending(TaskRecord task, std::optional<storage::AuditNote> note,
                                     Waiter<> done)
{
    TaskOutcome outcome;
    outcome.state = TaskState::Cancelled;
    outcome.error = QStringLiteral("cancelled before it ran");
    outcome.hasRun = false;  // Its beginning may be on its way to the disk.
    co_await m_ends.finish(task, outcome, note);
    done.resolve({});
}

void Session::endRunning(End why, std::optional<storage::AuditNote> note)
{
    if (m_end != End::None)
        return;
    m_end = why;
    m_endNote = std::move(note);
    if (!m_executing || !m_kernel.get())
        return;
    interruptCell();
    m_grace.start(m_options.shutdownGrace);
}

/// What it asks it does not ask any more, most likely.
void Session::interruptCell()
{
    const bool asked = m_kernel.get()->input().has_value();
    m_kernel.get()->interrupt();
    if (!asked || !m_current)
        return;
    m_inputLimit.stop();
    Q_EMIT inputAnswered(*m_current);
}

void Session::handleInput(const kernels::InputRequest &request)
{
    if (!m_current)
        return;
    // Some kernels ask although they were told that nobody can answer.
    if (!m_options.allowStdin) {
        endRunning(End::NobodyAnswers);
        return;
    }
    m_inputLimit.start(m_options.inputLimit);
    Q_EMIT inputRequested(*m_current, request);
}

Result<> Session::answerInput(const QString &text)
{
    if (!m_kernel.get())
        return fail(ErrorCode::Conflict,
                    QStringLiteral("no cell of %1 waits for input").arg(m_path));
    const Result<> answered = m_kernel.get()->answerInput(text);
    if (!answered)
        return answered;
    m_inputLimit.stop();
    if (m_current)
        Q_EMIT inputAnswered(*m_current);
    return {};
}

Result<> Session::interruptKernel()
{
    if (!m_kernel.isReady())
        return fail(m_kernel.none());
    interruptCell();
    return {};
}

Waiter<kernels::Answer> Session::ask(const QByteArray &type, Json content)
{
    if (!m_kernel.isReady())
        return Waiter<kernels::Answer>::resolved(fail(m_kernel.none()));
    return m_kernel.get()->ask(type, std::move(content));
}

Waiter<> Session::stopKernel(storage::Actor by)
{
    const Waiter<> done;
    if (!m_kernel.get())
        return Waiter<>::resolved(fail(m_kernel.none()));
    if (m_current && m_end == End::None)
        m_end = End::Stop;
    m_kernel.forgetChoice();
    m_scope.start(cancelWaiting(m_waiting.takeAll(), QStringLiteral("its kernel was stopped")));
    m_scope.start(endKernel(SessionKernel::Record::Forget,
                            noteOf(storage::Action::StopKernel, std::move(by)), done));
    return done;
}

QCoro::Task<> Session::endKernel(SessionKernel::Record record,
                                 std::optional<storage::AuditNote> note, Waiter<> done)
{
    m_kernelEnds = true;
    const Waiter<> closing = m_kernel.shutdown(record, std::move(note));
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
    m_kernelEnds = false;
    m_wake.resolve({});
    done.resolve({});
}

Waiter<> Session::exchangeKernel(const QString &kernelName, storage::Actor by)
{
    const Waiter<> done;
    m_scope.start(exchange(kernelName, std::move(by), done));
    return done;
}

QCoro::Task<> Session::exchange(QString kernelName, storage::Actor by, Waiter<> done)
{
    if (const Result<> chosen = m_kernel.choose(kernelName); !chosen) {
        done.resolve(chosen);
        co_return;
    }
    if (m_kernel.isStarting()) {
        const Waiter<> starting = m_kernel.start(QString());
        const Result<> started = co_await starting.wait(m_scope);
        if (!started && started.error().code == ErrorCode::Cancelled)
            co_return;
    }
    if (m_executing && m_hasLeft && m_end == End::None)
        m_end = End::Stop;
    m_kernelEnds = true;
    const Waiter<> ended;
    // What that means for the tasks is one step with its end on record.
    co_await endKernel(SessionKernel::Record::Keep, {}, ended);
    co_await loseState();
    const Waiter<> starting =
        m_kernel.start(QString(), std::move(by), storage::Action::RestartKernel);
    m_wake.resolve({});
    const Result<> started = co_await starting.wait(m_scope);
    done.resolve(started);
}

Waiter<> Session::startKernel(const QString &kernelName, const KernelSetup &setup,
                              storage::Actor by)
{
    if (const Result<> prepared = m_kernel.prepare(kernelName, setup); !prepared)
        return Waiter<>::resolved(prepared);
    const Waiter<> starting = m_kernel.start(kernelName, std::move(by));
    m_wake.resolve({});  // From now on it can be idle.
    return starting;
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
    m_log.giveUp();
    m_wake.resolve({});
    if (m_executing)
        endRunning(End::Stop);
    if (m_kernel.isStarting())
        m_kernel.drop();
    const Result<> worked = co_await m_stopped.wait(m_scope);
    if (!worked)
        co_return;
    if (m_kernel.isReady()) {
        const Waiter<> known = m_kernel.get()->widgetsKnown();
        (void)co_await known.wait(m_scope, WidgetsTake);
    }
    const Waiter<> flushed = m_ends.flushed();
    const Result<> written = co_await flushed.wait(m_scope);
    if (!written)
        co_return;
    const Waiter<> kernelEnded;
    // The next engine is told that what waits here has lost the state that it was to find.
    co_await endKernel(
        m_waiting.isEmpty() ? SessionKernel::Record::Forget : SessionKernel::Record::Keep, {},
        kernelEnded);
    done.resolve({});
}

}  // namespace celldeck::tasks
