#include "tasks/outcome.h"

namespace celldeck::tasks {

using storage::TaskOutcome;
using storage::TaskRecord;
using storage::TaskState;

namespace {

constexpr qsizetype MaxErrorCharacters = 500;

QString errorOf(const Result<kernels::Execution> &execution)
{
    if (!execution && execution.error().code == ErrorCode::KernelDied)
        return toCode(ErrorCode::KernelDied) + QStringLiteral(": ") + execution.error().message +
               QStringLiteral("; run it again: the next task gets a new kernel");
    if (!execution)
        return execution.error().message;
    if (execution->status == kernels::Execution::Status::Aborted)
        return QStringLiteral("the kernel aborted the request");
    // As Python has it: a KeyboardInterrupt says nothing more.
    const QString value = execution->errorValue.section(QLatin1Char('\n'), 0, 0);
    const QString line = value.isEmpty() ? execution->errorName
                                         : execution->errorName + QStringLiteral(": ") + value;
    // It is in every list of tasks. All of it is among the outputs.
    return line.size() <= MaxErrorCharacters ? line : line.left(MaxErrorCharacters) + u'…';
}

}  // namespace

TaskOutcome outcomeOf(const Result<kernels::Execution> &execution, End asked, const Json &soFar)
{
    TaskOutcome outcome;
    outcome.outputs = toBytes(execution ? *execution->outputs : soFar);
    if (execution) {
        outcome.executionCount = execution->executionCount;
        if (!execution->payload.empty())
            outcome.payload = toBytes(execution->payload);
        // Also if it was asked to end: it was faster. But a limit that has passed has passed.
        if (execution->status == kernels::Execution::Status::Ok && asked != End::Limit)
            return outcome;
    }
    switch (asked) {
    case End::Cancel:
        outcome.state = TaskState::Cancelled;
        outcome.error = QStringLiteral("cancelled while it ran");
        break;
    case End::Limit:
        outcome.state = TaskState::TimedOut;
        outcome.error = QStringLiteral("it ran longer than its limit");
        break;
    case End::NoAnswer:
        outcome.state = TaskState::Interrupted;
        outcome.error = QStringLiteral("nobody answered its input in time");
        break;
    case End::NobodyAnswers:
        outcome.state = TaskState::Failed;
        outcome.error = QStringLiteral("it asked for input, which nobody can give here");
        break;
    case End::Stop:
        outcome.state = TaskState::Interrupted;
        outcome.error = QStringLiteral("its kernel was stopped while it ran");
        break;
    case End::None:
        outcome.state = !execution && execution.error().code == ErrorCode::Missed
                            ? TaskState::Interrupted
                            : TaskState::Failed;
        outcome.error = errorOf(execution);
        break;
    }
    const bool kernelGone = !execution && execution.error().code == ErrorCode::KernelDied;
    if (kernelGone && asked != End::None && asked != End::Stop)
        outcome.error += QStringLiteral("; it took its kernel with it, and so its variables");
    return outcome;
}

TaskOutcome outcomeOfUnsent(const Error &why, End asked)
{
    TaskOutcome outcome;
    outcome.hasRun = false;
    switch (asked) {
    case End::Cancel:
        outcome.state = TaskState::Cancelled;
        outcome.error = QStringLiteral("cancelled before its kernel took it");
        break;
    case End::Limit:
        outcome.state = TaskState::TimedOut;
        outcome.error = QStringLiteral("its limit passed before its kernel took it");
        break;
    case End::Stop:
        return stoppedBeforeItRan(Stopped::Kernel);
    case End::NoAnswer:
    case End::NobodyAnswers:
    case End::None:
        outcome.state = TaskState::Failed;
        outcome.error = errorOf(fail(why));
        break;
    }
    return outcome;
}

TaskOutcome stoppedBeforeItRan(Stopped stopped)
{
    TaskOutcome outcome;
    outcome.hasRun = false;
    if (stopped == Stopped::Engine) {
        outcome.state = TaskState::Interrupted;
        outcome.error = QStringLiteral("the engine was stopped before it ran");
    } else {
        outcome.state = TaskState::Cancelled;
        outcome.error = QStringLiteral("its kernel was stopped before it ran");
    }
    return outcome;
}

std::optional<notebooks::CellResult> resultOf(const TaskRecord &task, const TaskOutcome &outcome)
{
    if (!task.writeBack || task.cellIndex < 0 || !outcome.hasRun)
        return std::nullopt;
    return notebooks::CellResult{.index = task.cellIndex,
                                 .cellId = task.cellId,
                                 .source = task.code,
                                 .executionCount = outcome.executionCount,
                                 .outputs = outcome.outputs};
}

TaskRecord ended(TaskRecord task, const TaskOutcome &outcome)
{
    task.state = outcome.state;
    task.finishedAt = outcome.finishedAt;
    task.executionCount = outcome.executionCount;
    task.error = outcome.error;
    task.messageId.clear();
    if (!outcome.hasRun)
        task.startedAt.reset();
    return task;
}

}  // namespace celldeck::tasks
