#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// cleanup_tasks.
void addMaintenanceTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
