#pragma once

#include "tools/services.h"

namespace celldeck::tools {

/// The task that a tool's arguments name by `task_id`, its id or its key; `notebook_path`, where
/// given, must be that of its notebook. Fails with NotFound.
[[nodiscard]] QCoro::Task<Result<storage::TaskDetail>> loadTask(const Services *services,
                                                                Json arguments,
                                                                const TaskScope *scope);

}  // namespace celldeck::tools
