#include "tools/services.h"

#include <QDir>

#include "async/background.h"
#include "notebooks/notebookfile.h"

namespace celldeck::tools {

namespace {

Json optionalTime(const std::optional<UtcTime> &time)
{
    return time ? Json(toIso(*time)) : Json(nullptr);
}

}  // namespace

Result<QString> notebookPath(const Services &services, const Json &arguments)
{
    const QString given = celldeck::textOf(arguments, "notebook_path");
    if (given.isEmpty())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("notebook_path is empty: name a notebook, such as "
                                   "\"analysis.ipynb\""));
    const auto path = notebooks::canonicalPath(QDir(services.workspace).absoluteFilePath(given));
    if (!path)
        return path;
    if (!path->startsWith(services.workspace + QLatin1Char('/')) &&
        services.workspace != QLatin1String("/"))
        return fail(
            ErrorCode::OutsideWorkspace,
            QStringLiteral("%1 is outside of the workspace %2").arg(*path, services.workspace));
    return path;
}

Waiter<notebooks::Notebook> loadInBackground(const QString &path)
{
    return inBackground<notebooks::Notebook>([path] { return notebooks::loadNotebook(path); });
}

Json toJson(const storage::TaskRecord &task)
{
    return {{"task_id", nameOf(task)},
            {"status", toText(task.state)},
            {"notebook_path", task.notebookPath},
            {"cell_index", task.cellIndex < 0 ? Json(nullptr) : Json(task.cellIndex)},
            {"execution_count", task.executionCount ? Json(*task.executionCount) : Json(nullptr)},
            {"error", task.error.isEmpty() ? Json(nullptr) : Json(task.error)},
            {"created_at", toIso(task.createdAt)},
            {"started_at", optionalTime(task.startedAt)},
            {"completed_at", optionalTime(task.finishedAt)}};
}

Json taskSchema()
{
    const Json text{{"type", "string"}};
    const Json textOrNull{{"type", Json::array({"string", "null"})}};
    const Json numberOrNull{{"type", Json::array({"integer", "null"})}};
    return {{"task_id", text},
            {"status",
             {{"type", "string"},
              {"enum", Json::array({"pending", "running", "completed", "failed", "cancelled",
                                    "timeout", "interrupted"})}}},
            {"notebook_path", text},
            {"cell_index", numberOrNull},
            {"execution_count", numberOrNull},
            {"error", textOrNull},
            {"created_at", text},
            {"started_at", textOrNull},
            {"completed_at", textOrNull}};
}

}  // namespace celldeck::tools
