#include "tools/services.h"

#include <QDir>
#include <QFileInfo>

#include "async/background.h"
#include "notebooks/notebookfile.h"

namespace celldeck::tools {

namespace {

Json optionalTime(const std::optional<UtcTime> &time)
{
    return time ? Json(toIso(*time)) : Json(nullptr);
}

/// What a client can act on: CONTRACT.md section 4.
Json errorCodeOf(const storage::TaskRecord &task)
{
    switch (task.state) {
    case storage::TaskState::TimedOut:
        return toCode(ErrorCode::Timeout);
    case storage::TaskState::Cancelled:
        return toCode(ErrorCode::Cancelled);
    default:
        break;
    }
    for (const ErrorCode code : {ErrorCode::KernelDied, ErrorCode::NoKernel}) {
        if (task.error.startsWith(toCode(code) + QStringLiteral(": ")))
            return toCode(code);
    }
    return nullptr;
}

}  // namespace

bool isInside(const QString &folder, const QString &path)
{
    return folder == QLatin1String("/") || path.startsWith(folder + QLatin1Char('/'));
}

storage::Actor actorOf(const mcp::CallContext &context)
{
    return {.role = context.client == storage::ShellClient ? storage::Role::Operator
                                                           : storage::Role::Agent,
            .client = context.client};
}

Result<QString> notebookPath(const Services &services, const Json &arguments)
{
    const QString given = celldeck::textOf(arguments, "notebook_path");
    if (given.isEmpty())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("notebook_path is empty: name a notebook, such as "
                                   "\"analysis.ipynb\""));
    const QString whole = QDir::cleanPath(QDir(services.workspace).absoluteFilePath(given));
    const auto path = notebooks::canonicalPath(whole);
    // One answer whether the file is there or not: what is outside is not to be found out.
    if (!isInside(services.workspace, path ? *path : whole))
        return fail(
            ErrorCode::OutsideWorkspace,
            QStringLiteral("%1 is outside of the workspace %2").arg(whole, services.workspace));
    if (path)
        services.assets.leases.touch(*path);
    return path;
}

Result<QString> workspaceFolder(const Services &services, const QString &given)
{
    const QString whole = QDir::cleanPath(QDir(services.workspace).absoluteFilePath(given));
    const QString folder = QFileInfo(whole).canonicalFilePath();
    const QString &found = folder.isEmpty() ? whole : folder;
    if (found != services.workspace && !isInside(services.workspace, found))
        return fail(
            ErrorCode::OutsideWorkspace,
            QStringLiteral("%1 is outside of the workspace %2").arg(whole, services.workspace));
    if (!QFileInfo(folder).isDir())
        return fail(ErrorCode::NotFound, QStringLiteral("there is no folder %1").arg(whole));
    return folder;
}

Error noKernel(const QString &path)
{
    return {ErrorCode::NoKernel,
            QStringLiteral("%1 has no kernel: running a cell starts one").arg(path)};
}

Json inputJson(const std::optional<kernels::InputRequest> &request)
{
    if (!request)
        return nullptr;
    return {{"prompt", request->prompt}, {"password", request->isPassword}};
}

Result<QString> pathInWorkspace(const Services &services, const QString &given)
{
    QString path = QDir::cleanPath(QDir(services.workspace).absoluteFilePath(given));
    // Of what is not there, the folders that are: a link may lead outside.
    QString missing;
    while (!QFileInfo::exists(path) && path != QLatin1String("/")) {
        missing = QLatin1Char('/') + QFileInfo(path).fileName() + missing;
        path = QFileInfo(path).path();
    }
    path = QFileInfo(path).canonicalFilePath() + missing;
    if (isInside(services.workspace, path))
        return path;
    return fail(ErrorCode::OutsideWorkspace,
                QStringLiteral("%1 is outside of the workspace %2").arg(path, services.workspace));
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
            {"error_code", errorCodeOf(task)},
            {"retries", task.retries},
            {"replay_of", task.replayOf ? Json(toText(task.replayOf)) : Json(nullptr)},
            {"state_lost", task.stateLost},
            {"created_at", toIso(task.createdAt)},
            {"started_at", optionalTime(task.startedAt)},
            {"completed_at", optionalTime(task.finishedAt)}};
}

}  // namespace celldeck::tools
