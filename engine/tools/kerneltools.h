#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// start_kernel, stop_kernel.
void addKernelTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
