#include "tasks/notebookdrafts.h"

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
