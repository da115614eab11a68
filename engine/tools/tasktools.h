#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// get_execution_status, wait_for_task, list_tasks.
void addTaskTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
