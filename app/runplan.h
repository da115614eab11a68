#pragma once

#include "notebooks/notebookfile.h"
#include "tasks/notebookdrafts.h"

namespace celldeck::app {

struct PlanOptions
{
    QStringList notebooks;
    QString output;  ///< A file for one notebook, a folder for several; "": in place
    QString kernelName;
    QStringList parameters;  ///< NAME=VALUE
    bool replay = false;
    tasks::DraftOptions drafts;
};

/// One notebook that is fit to run.
struct PlannedRun
{
    QString source;
    QString target;   ///< "": it is not written
    QByteArray text;  ///< With the parameters in it
    std::optional<notebooks::Parameters> parameters;
    /// Not `drafts`, but the last run of each cell, again.
    std::optional<tasks::DraftOptions> replay;
    QList<storage::TaskDraft> drafts;
};

/// Reads and checks everything before anything runs. Fails with what is wrong with the first that
/// is not fit.
[[nodiscard]] Result<QList<PlannedRun>> makePlan(const PlanOptions &options);

/// NAME=VALUE as Python: a VALUE that is JSON becomes what it is in Python, any other a text.
[[nodiscard]] Result<QString> assignment(const QString &parameter);

}  // namespace celldeck::app
