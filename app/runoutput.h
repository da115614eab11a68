#pragma once

#include "base/json.h"
#include "notebooks/notebook.h"
#include "runplan.h"

/// What a run leaves in the notebook that it writes. Plain functions, which block.
namespace celldeck::app {

/// What a person should know of a cell's outputs.
struct CellNote
{
    int index = 0;
    QString text;
    bool isLoss = false;
};

struct Written
{
    QList<int> missed;  ///< the cells that were changed while they ran
    QList<CellNote> notes;
};

/// Writes the target of a plan. What is too long for it is put beside it, if the target is not the
/// notebook itself, whose assets are kept as long as it names them. In the notebook itself only
/// outputs and widgets are changed; another target gets the kernel's language too, if it names
/// none. Fails as writeResults does.
[[nodiscard]] Result<Written> writeNotebook(const PlannedRun &plan,
                                            QList<notebooks::CellResult> results,
                                            const std::optional<Json> &widgets,
                                            const std::optional<Json> &languageInfo);

}  // namespace celldeck::app
