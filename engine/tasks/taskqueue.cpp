#include "tasks/taskqueue.h"

namespace celldeck::tasks {

using storage::TaskDraft;
using storage::TaskId;
using storage::TaskOutcome;
using storage::TaskRecord;
using storage::TaskState;

TaskQueue::TaskQueue(storage::Stores &stores, const Clock &clock, SessionOptions options)
    : m_stores(stores),
      m_clock(clock),
      m_options(std::move(options)),
      m_pool(m_options.kernelLimit),
      m_rescuer(stores, clock, m_options.runtimeDirectory,
                [this](const QString &path) -> Session & { return session(path); })
{}

TaskQueue::~TaskQueue() = default;

Session &TaskQueue::session(const QString &notebookPath)
{
    std::unique_ptr<Session> &place = m_sessions[notebookPath];
    if (!place) {
        place = std::make_unique<Session>(notebookPath, m_stores, m_clock, m_options, m_pool);
        place->setFlow(flowOf(notebookPath));
        place->setOnError(m_orders.onError.value(notebookPath, storage::OnError::AsSubmitted));
        connect(place.get(), &Session::taskChanged, this, &TaskQueue::handleChange);
        connect(place.get(), &Session::outputsChanged, this, &TaskQueue::outputsChanged);
        connect(place.get(), &Session::inputRequested, this, &TaskQueue::handleInput);
        connect(place.get(), &Session::inputAnswered, this, &TaskQueue::inputAnswered);
        connect(place.get(), &Session::failed, this, &TaskQueue::failed);
    }
    return *place;
}

Waiter<QList<TaskRecord>> TaskQueue::submit(QList<TaskDraft> drafts, storage::Actor by)
{
    const Waiter<QList<TaskRecord>> answer;
    if (m_stopping)
        return Waiter<QList<TaskRecord>>::resolved(
            fail(ErrorCode::StorageUnavailable, QStringLiteral("the engine is stopping")));
    m_scope.start(insert(std::move(drafts), std::move(by), answer));
    return answer;
}

QCoro::Task<> TaskQueue::insert(QList<TaskDraft> drafts, storage::Actor by,
                                Waiter<QList<TaskRecord>> answer)
{
    const auto inserting = m_stores.tasks.insert(std::move(drafts), m_clock.now(), std::move(by));
    const Result<QList<TaskRecord>> tasks = co_await inserting.wait(m_scope);
    if (!tasks) {
        answer.resolve(fail(tasks.error()));
        co_return;
    }
    const Fresh fresh = announceNew(*tasks);
    answer.resolve(*tasks);
    enqueue(fresh);
}

Waiter<storage::ImportReport> TaskQueue::importTasks(QList<storage::ImportedTask> imported,
                                                     storage::AuditNote note)
{
    const Waiter<storage::ImportReport> answer;
    if (m_stopping)
        return Waiter<storage::ImportReport>::resolved(
            fail(ErrorCode::StorageUnavailable, QStringLiteral("the engine is stopping")));
    m_scope.start(import(std::move(imported), std::move(note), answer));
    return answer;
}

QCoro::Task<> TaskQueue::import(QList<storage::ImportedTask> imported, storage::AuditNote note,
                                Waiter<storage::ImportReport> answer)
{
    const auto importing =
        m_stores.tasks.importTasks(std::move(imported), m_clock.now(), std::move(note));
    const Result<storage::ImportReport> report = co_await importing.wait(m_scope);
    if (!report) {
        answer.resolve(report);
        co_return;
    }
    const Fresh fresh = announceNew(report->pending);
    answer.resolve(report);
    enqueue(fresh);
}

TaskQueue::Fresh TaskQueue::announceNew(const QList<TaskRecord> &tasks)
{
    // A known idempotency key gives an old task: that one is on its way, or at its end.
    Fresh fresh;
    for (const TaskRecord &task : tasks) {
        if (task.state != TaskState::Pending ||
            !m_unfinished.emplace(task.id, task.notebookPath).second)
            continue;
        fresh.append(task);
        Q_EMIT taskChanged(task);
    }
    return fresh;
}

void TaskQueue::enqueue(Fresh fresh)
{
    if (m_stopping)
        return;
    while (!fresh.isEmpty()) {
        const QString path = fresh.first().notebookPath;
        const auto next = std::ranges::find_if(
            fresh, [&path](const TaskRecord &task) { return task.notebookPath != path; });
        const qsizetype count = next - fresh.begin();
        session(path).enqueue(fresh.first(count));
        fresh.remove(0, count);
    }
}

Waiter<TaskRecord> TaskQueue::finished(TaskId id)
{
    if (m_unfinished.contains(id))
        return m_waited[id];
    const Waiter<TaskRecord> answer;
    m_scope.start(lookUp(id, answer));
    return answer;
}

QCoro::Task<> TaskQueue::lookUp(TaskId id, Waiter<TaskRecord> answer)
{
    const auto loading = m_stores.tasks.load(id);
    const Result<storage::TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail)
        answer.resolve(fail(detail.error()));
    else
        answer.resolve(detail->task);
}

void TaskQueue::handleChange(const TaskRecord &task)
{
    Q_EMIT taskChanged(task);
    if (task.state == TaskState::Pending)
        return;
    if (auto awaited = m_awaited.extract(task.id))
        awaited.mapped().resolve({});
    if (!isFinal(task.state))
        return;
    m_unfinished.erase(task.id);
    if (auto waited = m_waited.extract(task.id))
        waited.mapped().resolve(task);
    if (auto watched = m_watched.extract(task.id))
        watched.mapped().resolve({});
}

void TaskQueue::handleInput(const TaskRecord &task, const kernels::InputRequest &request)
{
    if (auto watched = m_watched.extract(task.id))
        watched.mapped().resolve({});
    Q_EMIT inputRequested(task, request);
}

Waiter<> TaskQueue::begun(TaskId id)
{
    return m_unfinished.contains(id) ? m_awaited[id] : Waiter<>::resolved({});
}

Waiter<> TaskQueue::finishedOrAsking(TaskId id)
{
    const auto found = m_unfinished.find(id);
    const Session *session = found == m_unfinished.end() ? nullptr : find(found->second);
    if (!session || session->input(id))
        return Waiter<>::resolved({});
    return m_watched[id];
}

Waiter<> TaskQueue::cancel(TaskId id, storage::Actor by)
{
    const auto found = m_unfinished.find(id);
    if (found == m_unfinished.end())
        return Waiter<>::resolved(
            fail(ErrorCode::NotFound,
                 QStringLiteral("task %1 is not waiting or running any more").arg(toText(id))));
    return session(found->second).cancel(id, std::move(by));
}

Waiter<> TaskQueue::startKernel(const QString &notebookPath, const QString &kernelName,
                                const KernelSetup &setup, storage::Actor by)
{
    return session(notebookPath).startKernel(kernelName, setup, std::move(by));
}

Session *TaskQueue::find(const QString &notebookPath) const
{
    const auto found = m_sessions.find(notebookPath);
    return found == m_sessions.end() ? nullptr : found->second.get();
}

QList<SessionStatus> TaskQueue::sessions() const
{
    QList<SessionStatus> list;
    for (const auto &[path, one] : m_sessions)
        list << one->status();
    return list;
}

Waiter<> TaskQueue::stopKernel(const QString &notebookPath, storage::Actor by)
{
    const auto found = m_sessions.find(notebookPath);
    if (found == m_sessions.end())
        return Waiter<>::resolved(
            fail(ErrorCode::NoKernel, QStringLiteral("%1 has no kernel").arg(notebookPath)));
    return found->second->stopKernel(std::move(by));
}

const kernels::Kernel *TaskQueue::kernel(const QString &notebookPath) const
{
    const auto found = m_sessions.find(notebookPath);
    return found == m_sessions.end() ? nullptr : found->second->kernel();
}

const Json &TaskQueue::liveOutputs(const QString &notebookPath, TaskId id) const
{
    const auto found = m_sessions.find(notebookPath);
    static const Json Nothing = Json::array();
    return found == m_sessions.end() ? Nothing : found->second->liveOutputs(id);
}

storage::Flow TaskQueue::flowOf(const QString &notebookPath) const
{
    return m_orders.pausedNotebooks.contains(notebookPath) ? storage::Flow::Paused : m_orders.flow;
}

Waiter<> TaskQueue::setFlow(const QString &notebookPath, storage::Flow flow, storage::Actor by)
{
    const Waiter<> done;
    m_scope.start(applyFlow(notebookPath, flow, std::move(by), done));
    return done;
}

QCoro::Task<> TaskQueue::applyFlow(QString notebookPath, storage::Flow flow, storage::Actor by,
                                   Waiter<> done)
{
    const storage::AuditNote note{
        .by = std::move(by),
        .action = flow == storage::Flow::Paused ? storage::Action::Pause : storage::Action::Resume,
        .at = m_clock.now(),
        .notebookPath = notebookPath};
    const Waiter<> storing = m_stores.orders.setFlow(notebookPath, flow, note);
    const Result<> stored = co_await storing.wait(m_scope);
    if (stored) {
        if (notebookPath.isEmpty())
            m_orders.flow = flow;
        else if (flow == storage::Flow::Paused)
            m_orders.pausedNotebooks.insert(notebookPath);
        else
            m_orders.pausedNotebooks.remove(notebookPath);
        for (const auto &[path, one] : m_sessions)
            one->setFlow(flowOf(path));
    }
    done.resolve(stored);
}

Waiter<> TaskQueue::setOnError(const QString &notebookPath, storage::OnError onError,
                               storage::Actor by)
{
    const Waiter<> done;
    m_scope.start(applyOnError(notebookPath, onError, std::move(by), done));
    return done;
}

QCoro::Task<> TaskQueue::applyOnError(QString notebookPath, storage::OnError onError,
                                      storage::Actor by, Waiter<> done)
{
    const storage::AuditNote note{
        .by = std::move(by),
        .action = storage::Action::SetStopOnError,
        .at = m_clock.now(),
        .notebookPath = notebookPath,
        .detail = onError == storage::OnError::Stop ? QStringLiteral("on") : QStringLiteral("off")};
    const Waiter<> storing = m_stores.orders.setOnError(notebookPath, onError, note);
    const Result<> stored = co_await storing.wait(m_scope);
    if (stored) {
        m_orders.onError.insert(notebookPath, onError);
        session(notebookPath).setOnError(onError);
    }
    done.resolve(stored);
}

Waiter<QList<TaskId>> TaskQueue::cancelAll(const QString &notebookPath, storage::Actor by)
{
    const auto found = m_sessions.find(notebookPath);
    if (found == m_sessions.end())
        return Waiter<QList<TaskId>>::resolved(QList<TaskId>{});
    return found->second->cancelAll(std::move(by));
}

Waiter<> TaskQueue::move(TaskId id, qsizetype position, storage::Actor by)
{
    const auto found = m_unfinished.find(id);
    if (found == m_unfinished.end())
        return Waiter<>::resolved(fail(
            ErrorCode::NotFound, QStringLiteral("task %1 does not wait any more").arg(toText(id))));
    return session(found->second).move(id, position, std::move(by));
}

Waiter<RescueReport> TaskQueue::recover(Recovery recovery)
{
    const Waiter<RescueReport> done;
    m_scope.start(rescue(recovery, done));
    return done;
}

QCoro::Task<> TaskQueue::rescue(Recovery recovery, Waiter<RescueReport> done)
{
    if (recovery == Recovery::Leave) {
        done.resolve(RescueReport{});
        co_return;
    }
    const auto loading = m_stores.orders.load();
    const Result<storage::QueueOrders> orders = co_await loading.wait(m_scope);
    if (!orders) {
        done.resolve(fail(orders.error()));
        co_return;
    }
    m_orders = *orders;
    m_begun = true;
    const Result<RescueReport> report = co_await m_rescuer.run(
        recovery,
        [this](const TaskRecord &task) { m_unfinished.emplace(task.id, task.notebookPath); });
    if (report) {
        // It may have paused some.
        const auto again = m_stores.orders.load();
        const Result<storage::QueueOrders> now = co_await again.wait(m_scope);
        if (now)
            m_orders = *now;
    }
    done.resolve(report);
}

Waiter<> TaskQueue::stop()
{
    const Waiter<> done;
    m_stopping = true;
    m_scope.start(stopSessions(done));
    return done;
}

QCoro::Task<> TaskQueue::stopSessions(Waiter<> done)
{
    std::vector<Waiter<>> ends;
    ends.reserve(m_sessions.size());
    for (const auto &[path, one] : m_sessions)
        ends.push_back(one->stop());
    for (const Waiter<> &end : ends) {
        const Result<> ended = co_await end.wait(m_scope);
        if (!ended)
            co_return;
    }
    m_sessions.clear();
    if (m_begun) {
        const Waiter<> ending = m_stores.orders.end();
        const Result<> ended = co_await ending.wait(m_scope);
        if (!ended && ended.error().code != ErrorCode::Cancelled)
            Q_EMIT failed(ended.error().message);
    }
    done.resolve({});
}

}  // namespace celldeck::tasks
