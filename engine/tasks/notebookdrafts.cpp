#include "tasks/notebookdrafts.h"

#include <QSet>
#include <algorithm>

#include "kernels/kernelspec.h"

namespace celldeck::tasks {

using notebooks::Cell;
using notebooks::CellKind;
using notebooks::Notebook;
using storage::TaskDraft;

namespace {

TaskDraft draftOfCell(const Notebook &notebook, const QString &path, int index,
                      const DraftOptions &options)
{
    const Cell &cell = notebook.cells[index];
    TaskDraft draft;
    draft.notebookPath = path;
    draft.cellIndex = index;
    draft.cellId = cell.id;
    draft.code = cell.source;
    draft.kernelName = options.kernelName;
    draft.limit = options.limit;
    draft.stopOnError =
        !options.allowErrors && !cell.tags.contains(QStringLiteral("raises-exception"));
    draft.writeBack = options.writeBack;
    return draft;
}

}  // namespace

QList<TaskDraft> draftsOf(const Notebook &notebook, const QString &path,
                          const DraftOptions &options)
{
    QList<TaskDraft> drafts;
    for (int i = 0; i < notebook.cells.size(); ++i) {
        const Cell &cell = notebook.cells[i];
        if (cell.kind == CellKind::Code && !cell.source.trimmed().isEmpty() &&
            !cell.tags.contains(QStringLiteral("skip-execution")))
            drafts << draftOfCell(notebook, path, i, options);
    }
    return drafts;
}

Result<TaskDraft> draftOf(const Notebook &notebook, const QString &path, int cellIndex,
                          const DraftOptions &options)
{
    if (cellIndex < 0 || cellIndex >= notebook.cells.size())
        return fail(ErrorCode::NotFound, QStringLiteral("%1 has %2 cells: there is no cell %3")
                                             .arg(path)
                                             .arg(notebook.cells.size())
                                             .arg(cellIndex));
    if (notebook.cells[cellIndex].kind != CellKind::Code)
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("cell %1 of %2 is no code cell").arg(cellIndex).arg(path));
    TaskDraft draft = draftOfCell(notebook, path, cellIndex, options);
    draft.stopOnError = false;
    return draft;
}

QList<TaskDraft> replaysOf(const QList<storage::TaskRecord> &tasks, const DraftOptions &options)
{
    QList<storage::TaskRecord> last;
    QSet<std::pair<int, QString>> seen;
    for (const storage::TaskRecord &task : tasks) {
        const std::pair cell(task.cellIndex, task.cellId);
        if (!task.startedAt || !isFinal(task.state) || task.cellIndex < 0 || seen.contains(cell))
            continue;
        seen.insert(cell);
        last << task;
    }
    std::ranges::sort(last, {}, [](const storage::TaskRecord &task) { return *task.startedAt; });
    QList<TaskDraft> drafts;
    for (const storage::TaskRecord &task : std::as_const(last)) {
        TaskDraft draft = storage::replayOf(task);
        if (!options.kernelName.isEmpty())
            draft.kernelName = options.kernelName;
        if (options.limit)
            draft.limit = options.limit;
        // What failed then may fail again: a replay shows whether all is as it was.
        draft.stopOnError = !options.allowErrors && task.state != storage::TaskState::Failed;
        draft.writeBack = options.writeBack;
        drafts << draft;
    }
    return drafts;
}

Result<QString> kernelNameOf(const Notebook &notebook, const QString &path)
{
    if (!notebook.kernelName.isEmpty()) {
        const auto spec = kernels::findKernelSpec(notebook.kernelName);
        if (spec)
            return spec->name;
        return fail(spec.error().code, path + QStringLiteral(": ") + spec.error().message);
    }
    const auto spec = kernels::findKernelSpecForLanguage(
        notebook.language.isEmpty() ? QStringLiteral("python") : notebook.language);
    if (spec)
        return spec->name;
    return fail(spec.error().code,
                path + QStringLiteral(" names no kernelspec, and ") + spec.error().message);
}

}  // namespace celldeck::tasks
