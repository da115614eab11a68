#pragma once

#include <QList>
#include <QPair>
#include <QString>
#include <optional>

#include "base/json.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

/// A task of another server's queue, with its history. Its draft's key is the id that it had there,
/// by which a second import knows it again.
struct ImportedTask
{
    TaskDraft draft;
    UtcTime createdAt{};
    std::optional<UtcTime> startedAt = {};
    std::optional<TaskOutcome> outcome = {};  ///< none: it is pending
};

struct SkippedTask
{
    QString key;
    QString why;

    bool operator==(const SkippedTask &) const = default;
};

struct ImportReport
{
    std::int64_t imported = 0;
    std::int64_t present = 0;    ///< those of an earlier import
    QList<TaskRecord> pending;   ///< those of the imported that are to run, in their order
    QList<SkippedTask> skipped;  ///< with the reason
};

/// As it goes from a command to the engine; the other server's own names.
[[nodiscard]] Json toJson(const ImportedTask &task);
/// {imported, pending, present, skipped: [{task_id, why}]}
[[nodiscard]] Json toJson(const ImportReport &report);
/// Fails with InvalidArgument.
[[nodiscard]] Result<ImportedTask> importedTaskOf(const Json &json);

}  // namespace celldeck::storage
