#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// What begins, ends and interrupts kernels, and which there are to begin.
void addKernelTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
