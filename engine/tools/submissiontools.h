#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// run_cell_async, run_all_cells, run_cells.
void addSubmissionTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
