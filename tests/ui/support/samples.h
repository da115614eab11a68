#pragma once

#include "storage/taskrecord.h"

/// Tasks for tests, numbered: the id grows with the number, a second apart.
namespace celldeck::ui::test {

inline constexpr UtcTime Noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24} +
                              std::chrono::hours{12}};

inline storage::TaskId idOf(int number)
{
    return storage::firstIdAt(Noon + std::chrono::seconds{number});
}

inline storage::TaskRecord sample(int number,
                                  storage::TaskState state = storage::TaskState::Pending)
{
    storage::TaskRecord task;
    task.id = idOf(number);
    task.batch = task.id;
    task.notebookPath = QStringLiteral("/work/nb%1.ipynb").arg(number % 7);
    task.cellIndex = number % 5;
    task.code = QStringLiteral("x = %1\nprint(x)").arg(number);
    task.state = state;
    task.createdAt = Noon + std::chrono::seconds{number};
    if (state != storage::TaskState::Pending && state != storage::TaskState::Cancelled)
        task.startedAt = task.createdAt + Milliseconds{100};
    if (storage::isFinal(state))
        task.finishedAt = task.createdAt + Milliseconds{350};
    if (state == storage::TaskState::Failed)
        task.error = QStringLiteral("ValueError: %1 is too much").arg(number);
    if (state == storage::TaskState::Completed)
        task.executionCount = number;
    return task;
}

}  // namespace celldeck::ui::test
