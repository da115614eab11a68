#include "tasks/endrecorder.h"

#include "async/background.h"
#include "base/memory.h"
#include "tasks/handover.h"
#include "tasks/outcome.h"

namespace celldeck::tasks {

using storage::TaskId;
using storage::TaskOutcome;
using storage::TaskRecord;
using storage::TaskState;

namespace {

QString cellOf(const TaskRecord &task)
{
    return task.cellId.isEmpty() ? QString::number(task.cellIndex) : task.cellId;
}

}  // namespace

EndRecorder::EndRecorder(QString notebookPath, assets::AssetStore *assets, TaskLog &log,
                         RunAhead &ahead, TaskScope &scope)
    : m_assets(assets), m_log(log), m_ahead(ahead), m_scope(scope), m_results(notebookPath)
{
    connect(&m_results, &ResultWriter::failed, this, &EndRecorder::failed);
    if (assets)
        connect(&m_results, &ResultWriter::written, this,
                [assets, path = std::move(notebookPath)] { assets->touch(path); });
}

void EndRecorder::remember(DisplayBook::Shown shown)
{
    TaskId &last = m_lastOfCell[cellOf(shown.task)];
    last = std::max(last, shown.task.id);
    m_displays.remember(std::move(shown));
}

void EndRecorder::forgetDisplays()
{
    m_displays.clear();
    m_lastOfCell.clear();
}

void EndRecorder::noteBegun(const TaskRecord &task)
{
    if (task.writeBack)
        m_lastOfCell.insert(cellOf(task), task.id);
}

QCoro::Task<> EndRecorder::finish(TaskRecord task, TaskOutcome outcome,
                                  std::optional<storage::AuditNote> note)
{
    return record({std::move(task), std::move(outcome)}, std::move(note), Waiter<>::resolved({}));
}

void EndRecorder::hold(TaskRecord task, TaskOutcome outcome)
{
    m_held = {std::move(task), std::move(outcome)};
}

void EndRecorder::recordHeld()
{
    auto held = std::exchange(m_held, {});
    if (!held)
        return;
    const Waiter<> before = m_ahead.lastEnd();
    const Waiter<> recorded;
    m_ahead.add(recorded);
    m_scope.start(recordBesideTheNext(std::move(*held), before, recorded));
}

QCoro::Task<> EndRecorder::recordBesideTheNext(Held end, Waiter<> before, Waiter<> recorded)
{
    co_await record(std::move(end), {}, before);
    recorded.resolve({});
}

QCoro::Task<> EndRecorder::record(Held end, std::optional<storage::AuditNote> note, Waiter<> before)
{
    TaskOutcome outcome = end.outcome;  // The notebook gets all, the record what it can hold.
    const Result<Outputs> handed =
        co_await handOver(m_assets, end.task, {outcome.outputs}, &m_scope);
    if (handed) {
        end.outcome.outputs = handed->json;
        outcome.outputs = handed->whole;
    } else if (handed.error().code != ErrorCode::Cancelled) {
        Q_EMIT failed(handed.error().message);
    }
    auto result = end.task.state == TaskState::Running ? resultOf(end.task, outcome) : std::nullopt;
    const Result<> finished =
        co_await m_log.finish(std::move(end.task), std::move(end.outcome), std::move(note));
    if (finished && handed)
        removePartials(handed->partials);
    // The allocator would keep what pictures and the like took.
    if (outcome.outputs.size() >= MuchMemory)
        m_scope.start(trimMemory());
    if (!finished || !result)
        co_return;
    // They may be of one cell, and the last is to stay in its notebook.
    const Result<> isNext = co_await before.wait(m_scope);
    if (isNext)
        m_results.add(std::move(*result));
}

QCoro::Task<> EndRecorder::trimMemory()
{
    const auto trimming = inBackground<void>([]() -> Result<> {
        giveBackMemory();
        return {};
    });
    (void)co_await trimming.wait(m_scope);
}

QCoro::Task<qint64> EndRecorder::showAnew(kernels::DisplayUpdates updates)
{
    const QList<DisplayBook::Shown> changed = m_displays.apply(updates);
    // One after the other, or an older content might come last.
    const Waiter<> before = m_shownAnew;
    const Waiter<> done;
    m_shownAnew = done;
    const Result<> isNext = co_await before.wait(m_scope);
    if (!isNext)
        co_return 0;
    if (!changed.isEmpty()) {
        // So do their own ends, which would bring back what was shown before.
        const Result<> recorded = co_await m_ahead.wait(RunAhead::Ends::None, m_scope);
        if (!recorded)
            co_return 0;
    }
    qint64 bytes = 0;
    for (const DisplayBook::Shown &shown : changed) {
        TaskOutcome outcome;
        outcome.outputs = toBytes(shown.outputs);
        bytes += outcome.outputs.size();
        outcome.executionCount = shown.task.executionCount;
        const Result<Outputs> record =
            co_await handOver(m_assets, shown.task, {outcome.outputs}, &m_scope);
        const bool amended =
            co_await m_log.amend(shown.task, record ? record->json : outcome.outputs);
        if (!amended)
            continue;
        if (record)
            outcome.outputs = record->whole;
        if (m_lastOfCell.value(cellOf(shown.task)) != shown.task.id)
            continue;
        if (auto result = resultOf(shown.task, outcome))
            m_results.add(std::move(*result));
    }
    done.resolve({});
    co_return bytes;
}

void EndRecorder::writeAgain(const storage::TaskDetail &task)
{
    TaskOutcome outcome;
    outcome.outputs = task.outputs;
    outcome.executionCount = task.task.executionCount;
    if (auto result = resultOf(task.task, outcome))
        m_results.add(std::move(*result));
}

}  // namespace celldeck::tasks
