#include "tools/taskargument.h"

namespace celldeck::tools {

using storage::TaskDetail;

QCoro::Task<Result<TaskDetail>> loadTask(const Services *services, Json arguments,
                                         const TaskScope *scope)
{
    const auto loading = services->store.loadByName(celldeck::textOf(arguments, "task_id"));
    const Result<TaskDetail> detail = co_await loading.wait(*scope);
    if (!detail)
        co_return detail;
    if (find(arguments, "notebook_path")) {
        const auto path = notebookPath(*services, arguments);
        if (!path)
            co_return fail(path.error());
        if (detail->task.notebookPath != *path)
            co_return fail(ErrorCode::NotFound,
                           QStringLiteral("task %1 does not belong to %2, but to %3")
                               .arg(nameOf(detail->task), *path, detail->task.notebookPath));
    }
    co_return detail;
}

}  // namespace celldeck::tools
