#include "runner.h"

#include <QCoreApplication>

#include "async/background.h"
#include "commandline.h"
#include "endpointclient.h"
#include "notebooks/notebookfile.h"
#include "ownqueue.h"
#include "runoutput.h"
#include "sharedqueue.h"

namespace celldeck::app {

using storage::TaskRecord;
using storage::TaskState;

namespace {

// How many of a notebook's latest tasks are looked at for a replay.
constexpr int MaxReplayed = 1'000;

}  // namespace

Runner::Runner(EngineOptions options, Progress::Form form)
    : m_options(std::move(options)),
      m_progress(form),
      m_host(m_options.dataDirectory),
      m_exitCode(Done)
{
    connect(&m_signals, &SignalWatcher::stopRequested, this, &Runner::interrupt);
}

int Runner::run(QList<PlannedRun> plan)
{
    // From within the loop, which else would not hear a quit that comes at once.
    QMetaObject::invokeMethod(
        this, [this, &plan] { m_scope.start(runAll(std::move(plan))); }, Qt::QueuedConnection);
    QCoreApplication::exec();
    return m_exitCode;
}

QCoro::Task<> Runner::runAll(QList<PlannedRun> plan)
{
    const Result<> opened = co_await openQueue();
    if (!opened) {
        if (!m_interrupt.isResolved())
            note(opened.error());
        plan.clear();
    }
    for (const PlannedRun &one : plan) {
        if (m_interrupt.isResolved())
            break;
        co_await runOne(one);
        co_await m_queue->leave(one.source);
    }
    if (opened)
        co_await m_queue->close();
    if (m_interrupt.isResolved())
        m_exitCode = Interrupted;
    QCoreApplication::quit();
}

QCoro::Task<Result<>> Runner::openQueue()
{
    for (;;) {
        makeQueue();
        const Result<> opened = co_await m_queue->open();
        if (opened || opened.error().code != ErrorCode::StorageUnavailable)
            co_return opened;
        m_queue.reset();  // And its lock, if it got that far: who has it then is another one.
        if (!m_host.isHosted())
            co_return opened;
        complain(QStringLiteral("waiting until another Celldeck leaves the data folder %1 (process "
                                "%2, which has no endpoint to work through, as celldeck serve has)")
                     .arg(m_options.dataDirectory)
                     .arg(m_host.host().value_or(0)));
        const Waiter<> changed = m_host.changed();
        connect(&m_signals, &SignalWatcher::stopRequested, &m_host,
                [changed] { changed.resolve({}); });
        const Result<> left = co_await changed.wait(m_scope);
        if (!left)
            co_return left;
        if (m_interrupt.isResolved())
            co_return fail(ErrorCode::Cancelled, QStringLiteral("interrupted"));
    }
}

void Runner::makeQueue()
{
    if (auto client = EndpointClient::find(m_options.dataDirectory))
        m_queue = std::make_unique<SharedQueue>(std::move(client), m_options.dataDirectory);
    else
        m_queue = std::make_unique<OwnQueue>(m_options);
    connect(m_queue.get(), &RunQueue::taskChanged, this,
            [this](const TaskRecord &task) { m_progress.show(task); });
    connect(m_queue.get(), &RunQueue::told, this,
            [this](const QString &message) { m_progress.interject(message); });
}

QCoro::Task<Result<QList<storage::TaskDraft>>> Runner::replays(PlannedRun plan)
{
    const Result<QList<TaskRecord>> tasks = co_await m_queue->history(plan.source, MaxReplayed);
    if (!tasks)
        co_return fail(tasks.error());
    const QList<storage::TaskDraft> drafts = tasks::replaysOf(*tasks, *plan.replay);
    if (drafts.isEmpty())
        co_return fail(
            ErrorCode::NotFound,
            QStringLiteral("%1 has not run yet: there is nothing to replay").arg(plan.source));
    co_return drafts;
}

QCoro::Task<> Runner::runOne(PlannedRun plan)
{
    if (plan.replay) {
        const Result<QList<storage::TaskDraft>> drafts = co_await replays(plan);
        if (!drafts) {
            note(drafts.error());
            co_return;
        }
        plan.drafts = *drafts;
    }
    m_progress.beginNotebook(plan.source, plan.drafts.size(),
                             plan.drafts.isEmpty() ? QString() : plan.drafts.first().kernelName);
    QList<TaskRecord> submitted;
    if (!plan.drafts.isEmpty()) {
        const Result<QList<TaskRecord>> tasks = co_await m_queue->submit(plan.drafts);
        if (!tasks) {
            m_progress.abandonNotebook();
            note(tasks.error());
            co_return;
        }
        submitted = *tasks;
    }
    m_unfinished = submitted;
    if (m_interrupt.isResolved())
        m_queue->cancel(m_unfinished);
    TaskState worst = TaskState::Completed;
    for (const TaskRecord &task : submitted) {
        const Result<TaskRecord> ended = co_await m_queue->finished(task);
        if (!ended) {
            m_progress.abandonNotebook();
            note(ended.error());
            co_return;
        }
        judge(*ended, task.stopOnError, worst);
    }
    m_unfinished.clear();
    Result<> written;
    if (!plan.target.isEmpty())
        written = co_await write(plan, submitted);
    if (!written)
        note({written.error().code,
              written.error().message +
                  QStringLiteral("; its outputs are kept with its tasks (celldeck tasks)")});
    m_progress.endNotebook(toText(worst), written ? plan.target : QString());
}

void Runner::judge(const TaskRecord &ended, bool stopOnError, TaskState &worst)
{
    if (ended.state == TaskState::Completed)
        return;
    if (worst == TaskState::Completed)
        worst = ended.state;
    // A cell that may raise has done nothing wrong when it has.
    if (ended.state == TaskState::Failed && !stopOnError && ended.executionCount)
        worst = worst == TaskState::Failed ? TaskState::Completed : worst;
    else
        raise(ended.state == TaskState::TimedOut ? TimedOut : Failed);
}

QCoro::Task<Result<>> Runner::write(PlannedRun plan, QList<TaskRecord> submitted)
{
    QList<notebooks::CellResult> results;
    for (const TaskRecord &task : submitted) {
        const Result<storage::TaskDetail> detail = co_await m_queue->load(task);
        if (!detail)
            co_return fail(detail.error());
        if (detail->task.startedAt)
            results << notebooks::CellResult{.index = task.cellIndex,
                                             .cellId = task.cellId,
                                             .source = task.code,
                                             .executionCount = detail->task.executionCount,
                                             .outputs = detail->outputs};
    }
    const RunQueue::OfKernel ofKernel = co_await m_queue->ofKernel(plan.source);
    const QString target = plan.target;
    const auto writing = inBackground<Written>([plan = std::move(plan), results, ofKernel] {
        return writeNotebook(plan, results, ofKernel.widgets, ofKernel.languageInfo);
    });
    const Result<Written> written = co_await writing.wait(m_scope);
    if (!written)
        co_return fail(written.error());
    for (const CellNote &one : written->notes) {
        m_progress.interject(
            QStringLiteral("%1: cell %2: %3").arg(target).arg(one.index).arg(one.text));
        if (one.isLoss)
            raise(Failed);
    }
    for (const int index : written->missed)
        m_progress.interject(
            QStringLiteral("%1: cell %2 was changed while it ran: its outputs are kept with "
                           "its task only")
                .arg(target)
                .arg(index));
    co_return Result<>{};
}

void Runner::interrupt()
{
    m_interrupt.resolve({});
    if (m_queue)
        m_queue->cancel(m_unfinished);
}

void Runner::raise(int code)
{
    if (m_exitCode == Done)
        m_exitCode = code;
}

void Runner::note(const Error &error)
{
    m_progress.interject(error.message);
    raise(exitCodeOf(error.code));
}

}  // namespace celldeck::app
