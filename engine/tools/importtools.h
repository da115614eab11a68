#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// import_tasks.
void addImportTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
