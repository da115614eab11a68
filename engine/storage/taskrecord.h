#pragma once

#include <QByteArray>
#include <QList>
#include <QMetaType>
#include <QString>
#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "base/strongid.h"

namespace celldeck::storage {

/// A task's number: 41 bits of milliseconds since 2024-01-01 UTC above 15 bits that count within
/// the millisecond. Ids grow in the order of submission, and sort by time on disk.
using TaskId = StrongId<struct TaskTag, std::int64_t>;

/// How the outside writes an id: 12 lower-case characters of Crockford's base 32.
[[nodiscard]] QString toText(TaskId id);
/// Fails with InvalidArgument.
[[nodiscard]] Result<TaskId> parseTaskId(const QString &text);
[[nodiscard]] UtcTime timeOf(TaskId id);
/// The smallest id of that millisecond: what ids of later tasks are compared with.
[[nodiscard]] TaskId firstIdAt(UtcTime time);

/// DESIGN.md section 4. The numbers are what the database holds: never renumber.
enum class TaskState {
    Pending = 0,
    Running = 1,
    Completed = 2,
    Failed = 3,       ///< The cell raised, or its kernel died.
    Cancelled = 4,    ///< Somebody asked for it, or an earlier cell of its batch failed.
    TimedOut = 5,     ///< Its own time limit passed; "timeout" outside.
    Interrupted = 6,  ///< The engine or its kernel went away while it ran.
};

/// "pending", "running", …, as in the database's view and in every tool.
[[nodiscard]] QString toText(TaskState state);
[[nodiscard]] std::optional<TaskState> parseTaskState(const QString &text);
[[nodiscard]] bool isFinal(TaskState state);

/// What a submitter asks for.
struct TaskDraft
{
    QString notebookPath;  ///< Absolute and canonical: one file is one notebook.
    int cellIndex = -1;    ///< -1: code that belongs to no cell.
    QString cellId;        ///< nbformat 4.5 cell id, or "".
    QString code;
    QString kernelName;  ///< The kernelspec its session shall have; "" = the session's.
    QString key;         ///< The client's idempotency key (`task_id_override`), or "".
    std::optional<Milliseconds> limit;
    bool stopOnError = false;  ///< A failure cancels the later tasks of its batch.
    bool writeBack = true;     ///< The cell's outputs go into the notebook file.
    TaskId replayOf;           ///< The task that this one runs again.
    int retries = 0;           ///< How often its work had been tried before.

    bool operator==(const TaskDraft &) const = default;
};

/// How a task ended.
struct TaskOutcome
{
    TaskState state = TaskState::Completed;
    std::optional<std::int64_t> executionCount;
    QByteArray outputs = "[]";  ///< A JSON array of nbformat outputs.
    QString error;              ///< One line; "" when completed.
    UtcTime finishedAt{};
    QByteArray payload;                     ///< As TaskDetail's; "": none.
    std::optional<UtcTime> startedAt = {};  ///< for a task whose beginning is not on record
    /// False: it was marked as running perhaps, but has never left for its kernel.
    bool hasRun = true;
    QByteArray displays = {};  ///< As TaskDetail's; "": nothing to note.
};

/// One row, without its outputs: what lists and tables show. Crosses threads by value.
struct TaskRecord
{
    TaskId id;
    QString key;  ///< "" where the client gave none.
    QString notebookPath;
    int cellIndex = -1;
    QString cellId;
    QString code;
    QString kernelName;
    TaskId batch;  ///< The first task of its submission: stop-on-error cancels the later ones.
    TaskState state = TaskState::Pending;
    UtcTime createdAt{};
    std::optional<UtcTime> startedAt;
    std::optional<UtcTime> finishedAt;
    std::optional<std::int64_t> executionCount;
    QString error;
    int retries = 0;
    TaskId replayOf;
    std::optional<Milliseconds> limit;
    bool stopOnError = false;
    bool writeBack = true;
    bool stateLost = false;  ///< The kernel that its session had is gone.
    QByteArray messageId;    ///< msg_id of its execute_request while it runs; while it
                             ///< waits, if it may have left already. Else "".

    bool operator==(const TaskRecord &) const = default;
};

/// The name a client knows the task by: its key, or its id as text.
[[nodiscard]] QString nameOf(const TaskRecord &task);

/// What would run the task again: the same code, linked to it.
[[nodiscard]] TaskDraft replayOf(const TaskRecord &task);

struct TaskDetail
{
    TaskRecord task;
    QByteArray outputs = "[]";  ///< A JSON array of nbformat outputs.
    /// A JSON array: what the kernel asks its client to do besides, such as to show a help page.
    QByteArray payload = "[]";
    /// A JSON object: which outputs can be shown anew, and of a task that runs what it shows anew
    /// (kernels/displaystate.h).
    QByteArray displays = "{}";
};

struct TaskFilter
{
    QList<TaskState> states;  ///< Empty: all.
    QString notebookPath;     ///< "": all.
    std::optional<UtcTime> since;
    TaskId before;  ///< Only older ones than this: the cursor of the next page.
    int limit = 100;
};

struct TaskStats
{
    std::int64_t pending = 0;
    std::int64_t running = 0;
    std::int64_t completed = 0;
    std::int64_t failed = 0;
    std::int64_t cancelled = 0;
    std::int64_t timedOut = 0;
    std::int64_t interrupted = 0;
    std::int64_t activeLeases = 0;
    std::int64_t walBytes = 0;

    bool operator==(const TaskStats &) const = default;
};

}  // namespace celldeck::storage

// Lists of 100,000 grow and are handed on: each one moves as a piece of memory.
Q_DECLARE_TYPEINFO(celldeck::storage::TaskDraft, Q_RELOCATABLE_TYPE);
Q_DECLARE_TYPEINFO(celldeck::storage::TaskRecord, Q_RELOCATABLE_TYPE);

Q_DECLARE_METATYPE(celldeck::storage::TaskRecord)
Q_DECLARE_METATYPE(celldeck::storage::TaskDetail)
Q_DECLARE_METATYPE(celldeck::storage::TaskStats)
