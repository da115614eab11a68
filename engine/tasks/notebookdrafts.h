#pragma once

#include <QList>
#include <optional>

#include "notebooks/notebook.h"
#include "storage/taskrecord.h"

namespace celldeck::tasks {

struct DraftOptions
{
    QString kernelName;  ///< "": the notebook's own
    std::optional<Milliseconds> limit;
    bool allowErrors = false;
    bool writeBack = true;
};

/// The tasks that run a notebook from top to bottom: its code cells that hold code and are not
/// tagged `skip-execution`. A cell tagged `raises-exception` may fail, as with nbclient.
[[nodiscard]] QList<storage::TaskDraft> draftsOf(const notebooks::Notebook &notebook,
                                                 const QString &path, const DraftOptions &options);

/// The task for one cell, by its index among all cells. Fails with NotFound, or InvalidArgument if
/// it is no code cell.
[[nodiscard]] Result<storage::TaskDraft> draftOf(const notebooks::Notebook &notebook,
                                                 const QString &path, int cellIndex,
                                                 const DraftOptions &options);

/// The tasks that run again what has run of a notebook: the last run of each cell, in the order in
/// which they ran. `tasks` are the notebook's, newest first.
[[nodiscard]] QList<storage::TaskDraft> replaysOf(const QList<storage::TaskRecord> &tasks,
                                                  const DraftOptions &options);

/// The kernelspec that a notebook asks for, by name or by language. Fails with NoKernel.
[[nodiscard]] Result<QString> kernelNameOf(const notebooks::Notebook &notebook,
                                           const QString &path);

}  // namespace celldeck::tasks
