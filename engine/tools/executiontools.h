#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// run_cell_async, run_all_cells, get_execution_status, wait_for_task, list_tasks.
void addExecutionTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
