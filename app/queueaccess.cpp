#include "queueaccess.h"

#include "assets/assetcleaner.h"
#include "storage/taskcleaner.h"
#include "storage/taskstore.h"

namespace celldeck::app {

using storage::TaskDetail;
using storage::TaskRecord;

namespace {

Json toJson(const TaskRecord &task)
{
    return {{"task_id", nameOf(task)}, {"status", toText(task.state)}};
}

}  // namespace

QueueAccess::QueueAccess(QString dataDirectory) : m_dataDirectory(std::move(dataDirectory)) {}
QueueAccess::~QueueAccess() = default;

QCoro::Task<Result<>> QueueAccess::open()
{
    m_client = EndpointClient::find(m_dataDirectory);
    if (m_client)
        co_return Result<>{};
    EngineOptions options;
    options.dataDirectory = m_dataDirectory;
    options.recovery = tasks::Recovery::Leave;
    options.endpoint = false;
    m_engine = std::make_unique<Engine>(options);
    const Waiter<> starting = m_engine->start();
    co_return co_await starting.wait(m_scope);
}

QCoro::Task<> QueueAccess::close()
{
    if (!m_engine)
        co_return;
    const Waiter<> stopping = m_engine->stop();
    const Result<> stopped = co_await stopping.wait(m_scope);
    if (stopped)
        m_engine.reset();
}

QCoro::Task<Result<Answer>> QueueAccess::cancel(QString task)
{
    if (m_client)
        co_return co_await m_client->call(QStringLiteral("cancel_execution"), {{"task_id", task}});
    const auto loading = m_engine->store().loadByName(task);
    const Result<TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail)
        co_return fail(detail.error());
    TaskRecord record = detail->task;
    if (record.state == storage::TaskState::Running)
        co_return fail(ErrorCode::Conflict,
                       QStringLiteral("task %1 ran when its engine died, and its kernel may still "
                                      "work on it: start celldeck serve, then cancel it")
                           .arg(task));
    if (record.state == storage::TaskState::Pending) {
        storage::TaskOutcome outcome;
        outcome.state = storage::TaskState::Cancelled;
        outcome.error = QStringLiteral("cancelled before it ran");
        outcome.finishedAt = m_engine->clock().now();
        const Waiter<> finishing =
            m_engine->store().finish(record.id, outcome,
                                     storage::AuditNote{.by = storage::shellActor(),
                                                        .action = storage::Action::Cancel,
                                                        .at = outcome.finishedAt,
                                                        .notebookPath = record.notebookPath,
                                                        .task = record.id});
        const Result<> finished = co_await finishing.wait(m_scope);
        if (!finished)
            co_return fail(finished.error());
        record.state = outcome.state;
    }
    co_return Answer{toJson(record)};
}

QCoro::Task<Result<Answer>> QueueAccess::replay(QString task)
{
    if (m_client)
        co_return co_await m_client->call(QStringLiteral("replay_task"), {{"task_id", task}});
    const auto loading = m_engine->store().loadByName(task);
    const Result<TaskDetail> detail = co_await loading.wait(m_scope);
    if (!detail)
        co_return fail(detail.error());
    if (!isFinal(detail->task.state))
        co_return fail(ErrorCode::Conflict,
                       QStringLiteral("task %1 is %2: only a task that has ended can run again")
                           .arg(task, toText(detail->task.state)));
    const auto inserting = m_engine->store().insert({storage::replayOf(detail->task)},
                                                    m_engine->clock().now(), storage::shellActor());
    const Result<QList<TaskRecord>> tasks = co_await inserting.wait(m_scope);
    if (!tasks)
        co_return fail(tasks.error());
    co_return Answer{toJson(tasks->first())};
}

QCoro::Task<Result<Answer>> QueueAccess::cleanUp(storage::Retention retention,
                                                 storage::CleanupMode mode)
{
    const bool preview = mode == storage::CleanupMode::Preview;
    if (m_client)
        co_return co_await m_client->call(QStringLiteral("cleanup_tasks"),
                                          {{"age_hours", retention.completed.count()},
                                           {"failed_age_hours", retention.others.count()},
                                           {"dry_run", preview}});
    const auto cleaning = m_engine->cleaner().runOnce(retention, mode, m_engine->clock().now(),
                                                      storage::shellActor());
    const Result<storage::CleanupReport> report = co_await cleaning.wait(m_scope);
    if (!report)
        co_return fail(report.error());
    if (!preview) {
        // What a run has put into files goes with its tasks; a serving engine does so once a day.
        const auto sweeping = m_engine->assetCleaner().runOnce({});
        const Result<assets::SweepReport> swept = co_await sweeping.wait(m_scope);
        if (!swept)
            co_return fail(swept.error());
    }
    co_return Answer{{{"tasks", report->tasks},
                      {"cells", report->cells},
                      {"bytes_before", report->bytesBefore},
                      {"bytes_after", report->bytesAfter}}};
}

QCoro::Task<Result<Answer>> QueueAccess::importTasks(QList<storage::ImportedTask> imported,
                                                     QString source, UtcTime begun)
{
    if (m_client) {
        Json tasks = Json::array();
        for (const storage::ImportedTask &task : imported)
            tasks.push_back(storage::toJson(task));
        co_return co_await m_client->call(QStringLiteral("import_tasks"),
                                          {{"tasks", std::move(tasks)},
                                           {"source", source},
                                           {"begun_ms", begun.time_since_epoch().count()}});
    }
    const auto importing =
        m_engine->store().importTasks(std::move(imported), m_engine->clock().now(),
                                      {.by = storage::shellActor(),
                                       .action = storage::Action::Import,
                                       .at = begun,
                                       .object = source});
    const Result<storage::ImportReport> report = co_await importing.wait(m_scope);
    if (!report)
        co_return fail(report.error());
    co_return Answer{storage::toJson(*report)};
}

}  // namespace celldeck::app
