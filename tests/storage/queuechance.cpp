#include "queuechance.h"

#include "base/json.h"

using namespace celldeck::storage;

namespace celldeck::test {

QString QueueChance::anyNotebook()
{
    static const QStringList notebooks{QStringLiteral("/n/a.ipynb"), QStringLiteral("/n/b ü.ipynb"),
                                       QStringLiteral("/c.ipynb")};
    return notebooks.at(any(notebooks.size()));
}

TaskId QueueChance::anyTask()
{
    const auto &tasks = m_model.tasks();
    if (tasks.empty() || oneIn(50))
        return TaskId(any(1'000'000) + 1);  // of a time before all
    // Mostly among those that live.
    const QList<TaskRecord> living = m_model.unfinished();
    if (!living.isEmpty() && !oneIn(4))
        return living.at(any(living.size())).id;
    return std::next(tasks.begin(), any(qsizetype(tasks.size())))->first;
}

QList<TaskId> QueueChance::someTasks()
{
    QList<TaskId> ids;
    for (std::int64_t i = any(6); i > 0; --i)
        ids << anyTask();
    return ids;
}

QByteArray QueueChance::anyOutputs()
{
    if (oneIn(2))
        return "[]";
    // Few that repeat, some that are unique, some that are long; all in what people write.
    const std::string unique = oneIn(2) ? std::to_string(any(1'000'000)) : "€ ü 𝄞\n";
    const std::string text = oneIn(10) ? std::string(size_t(any(30'000)), 'x') + unique : unique;
    return toBytes(Json::array({{{"output_type", "stream"}, {"name", "stdout"}, {"text", text}}}));
}

TaskOutcome QueueChance::anyOutcome(UtcTime now)
{
    TaskOutcome outcome;
    outcome.state = static_cast<TaskState>(2 + any(5));
    if (oneIn(2))
        outcome.executionCount = any(1'000);
    if (outcome.state != TaskState::Completed)
        outcome.error = QStringLiteral("ValueError: 'ü' ") + QString::number(any(5));
    outcome.outputs = anyOutputs();
    outcome.finishedAt = now;
    outcome.hasRun = !oneIn(5);
    return outcome;
}

TaskFilter QueueChance::anyFilter(UtcTime now, TaskId id)
{
    TaskFilter filter;
    filter.limit = 1 + static_cast<int>(any(20));
    if (oneIn(2))
        filter.notebookPath = anyNotebook();
    for (std::int64_t i = any(3); i > 0; --i)
        filter.states << static_cast<TaskState>(any(7));
    if (oneIn(3))
        filter.since = now - Milliseconds(any(3'600'000));
    if (oneIn(3))
        filter.before = id;
    return filter;
}

TaskDraft QueueChance::anyDraft()
{
    const auto &tasks = m_model.tasks();
    if (!tasks.empty() && oneIn(6))
        return replayOf(std::next(tasks.begin(), any(qsizetype(tasks.size())))->second.task);
    TaskDraft draft;
    draft.notebookPath = anyNotebook();
    if (oneIn(30))  // refused, or never seen before
        draft.notebookPath = oneIn(2) ? QString() : QStringLiteral("/new/%1").arg(any(1'000'000));
    draft.cellIndex = static_cast<int>(any(4)) - 1;
    draft.cellId = oneIn(2) ? QString() : QStringLiteral("cell%1").arg(draft.cellIndex);
    draft.code = QStringLiteral("print('€', %1)\n").arg(oneIn(3) ? any(1'000'000) : any(4));
    draft.kernelName = oneIn(2) ? QString() : QStringLiteral("python3");
    if (oneIn(3))
        draft.key = QStringLiteral("key-%1").arg(any(60));
    if (oneIn(60))
        draft.key = toText(TaskId(any(1'000'000) + 1));  // of a form that is refused
    if (oneIn(4))
        draft.limit = Milliseconds(any(100'000));
    draft.stopOnError = oneIn(3);
    draft.writeBack = !oneIn(3);
    const auto known = m_model.loadByName(draft.key);
    if (known && !oneIn(3)) {  // As a client submits again what it got no answer for.
        draft.notebookPath = known->task.notebookPath;
        draft.cellIndex = known->task.cellIndex;
        draft.cellId = known->task.cellId;
        draft.code = known->task.code;
        draft.kernelName = known->task.kernelName;
        draft.limit = known->task.limit;
        draft.writeBack = known->task.writeBack;
    }
    return draft;
}

}  // namespace celldeck::test
