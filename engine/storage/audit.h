#pragma once

#include <QList>
#include <QString>
#include <optional>

#include "base/clock.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

/// In whose name something is done. The numbers are what the database holds: never renumber.
enum class Role {
    Agent = 0,     ///< A client of the endpoint.
    Operator = 1,  ///< A person, at the console or in a shell.
    System = 2,    ///< The engine by itself: recovery, the daily cleanup.
};

struct Actor
{
    Role role = Role::System;
    QString client;  ///< The name it gives itself; "" for the system. Kept up to 200 characters.

    bool operator==(const Actor &) const = default;
};

/// What Celldeck's commands in a shell call themselves, also as clients of an endpoint.
inline constexpr QLatin1String ShellClient("celldeck");
[[nodiscard]] Actor shellActor();

size_t qHash(const Actor &actor, size_t seed = 0);

/// What can be done to a task, an asset or a kernel. The numbers are what the database holds: never
/// renumber.
enum class Action {
    Submit = 0,
    Replay = 1,
    Cancel = 2,
    CancelAll = 3,
    Move = 4,
    Pause = 5,
    Resume = 6,
    SetStopOnError = 7,
    StartKernel = 8,
    StopKernel = 9,
    RestartKernel = 10,
    InterruptKernel = 11,
    CleanUp = 12,
    RenewLease = 13,
    PinAsset = 14,
    ReleaseLease = 15,
    RemoveAsset = 16,
    BackUp = 17,
    Restore = 18,
    Import = 19,
    Recover = 20,    ///< What a start has found, in its detail.
    Interrupt = 21,  ///< A task that had run when its engine died, and cannot be followed.
};

/// "agent", "operator", "system".
[[nodiscard]] QString toText(Role role);
[[nodiscard]] std::optional<Role> parseRole(const QString &text);
/// "submit", "cancel_all", …, as in every listing.
[[nodiscard]] QString toText(Action action);
[[nodiscard]] std::optional<Action> parseAction(const QString &text);

/// One action, to be written into the log. Only what has changed something is one: no preview, no
/// attempt that was refused.
struct AuditNote
{
    Actor by = {};
    Action action = Action::Submit;
    UtcTime at{};
    QString notebookPath = {};  ///< "": of no notebook, or of all.
    TaskId task = {};           ///< What it was done to: a task,
    QString object = {};        ///< or else an asset's path, a kernelspec's name, a file.
    std::int64_t count = 1;     ///< How many of them: the tasks of a submission or a cleanup.
    QString detail = {};        ///< One line; "" where there is no more to say.
};

/// One action, as it is read back.
struct AuditEntry
{
    /// Grows with time; the cursor of the next page.
    std::int64_t place = 0;
    Actor by;
    Action action = Action::Submit;
    UtcTime at{};
    QString notebookPath;
    QString object;  ///< A task by the name that clients know; or as in the note.
    std::int64_t count = 1;
    QString detail;
};

struct AuditFilter
{
    std::optional<Role> role = {};
    QString client = {};  ///< "": all.
    std::optional<Action> action = {};
    QString notebookPath = {};  ///< "": all.
    std::optional<UtcTime> since = {};
    std::int64_t before = 0;  ///< Only older ones than this place; 0: from the newest.
    int limit = 100;
};

/// How much of the log is kept.
struct AuditRetention
{
    std::chrono::hours age{90 * 24};
    std::int64_t rows = 100'000;  ///< About 3 MB.
};

}  // namespace celldeck::storage
