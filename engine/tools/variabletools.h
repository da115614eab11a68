#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// Variables and help: what a kernel knows, through its own protocol. Requires: `services` outlives
/// the registry.
void addVariableTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
