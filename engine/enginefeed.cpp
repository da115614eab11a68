#include "engine/enginefeed.h"

#include <QMetaMethod>

#include "async/background.h"
#include "engine/feedoutputs.h"
#include "notebooks/notebookfile.h"
#include "tasks/notebookdrafts.h"

namespace celldeck {

using storage::TaskDetail;
using storage::TaskId;
using storage::TaskRecord;

namespace {

constexpr Milliseconds PublishInterval{1000 / 30};

/// Who works at the console.
const storage::Actor Console{.role = storage::Role::Operator, .client = QStringLiteral("console")};

struct Submission
{
    QList<storage::TaskDraft> drafts;
};

Result<Submission> submissionOf(const QString &given)
{
    const auto path = notebooks::canonicalPath(given);
    if (!path)
        return fail(path.error());
    const auto notebook = notebooks::loadNotebook(*path);
    if (!notebook)
        return fail(notebook.error());
    const auto kernel = tasks::kernelNameOf(*notebook, *path);
    if (!kernel)
        return fail(kernel.error());
    tasks::DraftOptions options;
    options.kernelName = *kernel;
    Submission submission{tasks::draftsOf(*notebook, *path, options)};
    if (submission.drafts.isEmpty())
        return fail(ErrorCode::NotFound, QStringLiteral("%1 has no code cell to run").arg(*path));
    return submission;
}

}  // namespace

EngineFeed::EngineFeed(tasks::TaskQueue &queue, storage::Stores &stores, const Clock &clock)
    : m_queue(queue),
      m_store(stores.tasks),
      m_adoptions(stores.adoptions),
      m_clock(clock),
      m_due(PublishInterval, [this] { publish(); })
{
    connect(&m_queue, &tasks::TaskQueue::taskChanged, this, [this](const TaskRecord &task) {
        if (isFinal(task.state))
            setAsking(task.id, false);
        // Without a console nobody listens, and nothing is to be gathered or counted.
        static const QMetaMethod news = QMetaMethod::fromSignal(&Feed::tasksChanged);
        if (!isSignalConnected(news))
            return;
        m_changed.insert_or_assign(task.id, task);
        m_due.poke();
    });
    connect(&m_queue, &tasks::TaskQueue::outputsChanged, this,
            [this](TaskId id, const Json &outputs) {
                if (id == m_watched)
                    Q_EMIT outputsChanged({id, liveOutputs(outputs)});
            });
    connect(&m_queue, &tasks::TaskQueue::inputRequested, this,
            [this](const TaskRecord &task, const kernels::InputRequest &request) {
                setAsking(task.id, true);
                if (task.id == m_watched)
                    Q_EMIT inputRequested({task.id, request.prompt, request.isPassword});
            });
    connect(&m_queue, &tasks::TaskQueue::inputAnswered, this, [this](const TaskRecord &task) {
        setAsking(task.id, false);
        if (task.id == m_watched)
            Q_EMIT inputAnswered(task.id);
    });
    connect(&m_queue, &tasks::TaskQueue::failed, this, &EngineFeed::failed);
}

void EngineFeed::requestTasks(int limit)
{
    QMetaObject::invokeMethod(this, [this, limit] { m_scope.start(list(limit)); });
}

void EngineFeed::watchTask(TaskId id)
{
    QMetaObject::invokeMethod(this, [this, id] {
        m_watched = id;
        m_scope.start(loadWatched());
    });
}

void EngineFeed::runNotebook(const QString &path)
{
    QMetaObject::invokeMethod(this, [this, path] { m_scope.start(run(path)); });
}

void EngineFeed::cancelTask(TaskId id)
{
    QMetaObject::invokeMethod(this, [this, id] { m_scope.start(cancel(id)); });
}

void EngineFeed::answerInput(TaskId id, const QString &text)
{
    QMetaObject::invokeMethod(this, [this, id, text] { m_scope.start(answer(id, text)); });
}

void EngineFeed::setEndpoint(const EndpointStatus &status)
{
    m_endpoint = status;
    Q_EMIT endpointChanged(status);
}

void EngineFeed::report(const Error &error)
{
    if (error.code != ErrorCode::Cancelled)
        Q_EMIT failed(error.message);
}

QCoro::Task<> EngineFeed::list(int limit)
{
    storage::TaskFilter filter;
    filter.limit = limit;
    const auto listing = m_store.list(filter);
    const Result<QList<TaskRecord>> tasks = co_await listing.wait(m_scope);
    if (!tasks) {
        report(tasks.error());
        co_return;
    }
    Q_EMIT tasksListed(*tasks);
    Q_EMIT askingChanged(m_asking);
    Q_EMIT endpointChanged(m_endpoint);
    co_await publishStats();
}

QCoro::Task<> EngineFeed::loadWatched()
{
    const TaskId id = m_watched;
    const auto loading = m_store.load(id);
    Result<TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail) {
        report(detail.error());
        co_return;
    }
    const auto looking = m_adoptions.of(id);
    const auto adopted = co_await looking.wait(m_scope);
    if (!adopted) {
        report(adopted.error());
        co_return;
    }
    const auto reading = inBackground<QByteArray>(
        [task = *detail, adopted = *adopted] { return allOutputs(task, adopted); });
    const Result<QByteArray> outputs = co_await reading.wait(m_scope);
    if (!outputs || id != m_watched)
        co_return;  // Somebody looks at another task by now.
    detail->outputs = *outputs;
    Q_EMIT taskLoaded(*detail);
    if (detail->task.state != storage::TaskState::Running)
        co_return;
    const tasks::Session *session = m_queue.find(detail->task.notebookPath);
    if (const auto asked = session ? session->input(id) : std::nullopt)
        Q_EMIT inputRequested({id, asked->prompt, asked->isPassword});
    else if (session && session->mayHaveAsked(id))
        Q_EMIT inputRequested({.id = id, .prompt = {}, .isUnheard = true});
    Q_EMIT outputsChanged({id, liveOutputs(m_queue.liveOutputs(detail->task.notebookPath, id))});
}

QCoro::Task<> EngineFeed::publishStats()
{
    const auto asking = m_store.stats(m_clock.now());
    const Result<storage::TaskStats> stats = co_await asking.wait(m_scope);
    if (stats)
        Q_EMIT statsChanged(*stats);
    else if (stats.error().code != ErrorCode::StorageUnavailable)  // which its database has told
        report(stats.error());
}

QCoro::Task<> EngineFeed::run(QString path)
{
    const auto reading = inBackground<Submission>([path] { return submissionOf(path); });
    const Result<Submission> submission = co_await reading.wait(m_scope);
    if (!submission) {
        report(submission.error());
        co_return;
    }
    const auto submitting = m_queue.submit(submission->drafts, Console);
    const Result<QList<TaskRecord>> tasks = co_await submitting.wait(m_scope);
    if (!tasks)
        report(tasks.error());
}

QCoro::Task<> EngineFeed::cancel(TaskId id)
{
    const Waiter<> cancelling = m_queue.cancel(id, Console);
    const Result<> cancelled = co_await cancelling.wait(m_scope);
    if (!cancelled)
        report(cancelled.error());
}

QCoro::Task<> EngineFeed::answer(TaskId id, QString text)
{
    const auto loading = m_store.load(id);
    const Result<TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail) {
        report(detail.error());
        co_return;
    }
    tasks::Session *session = m_queue.find(detail->task.notebookPath);
    if (!session || (!session->input(id) && !session->mayHaveAsked(id))) {
        report({ErrorCode::Conflict, QStringLiteral("the cell does not wait for input any more")});
        co_return;
    }
    const Result<> answered = session->answerInput(text);
    if (!answered)
        report(answered.error());
}

void EngineFeed::setAsking(TaskId id, bool asks)
{
    if (m_asking.contains(id) == asks)
        return;
    if (asks)
        m_asking.append(id);
    else
        m_asking.removeOne(id);
    Q_EMIT askingChanged(m_asking);
}

void EngineFeed::publish()
{
    QList<TaskRecord> tasks;
    bool watchedChanged = false;
    for (auto &[id, task] : std::exchange(m_changed, {})) {
        watchedChanged |= id == m_watched;
        tasks << task;
    }
    Q_EMIT tasksChanged(tasks);
    if (watchedChanged)
        m_scope.start(loadWatched());
    m_scope.start(publishStats());
}

}  // namespace celldeck
