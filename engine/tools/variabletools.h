#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// What the variables of a kernel of Python are (variables.py), without a trace in them. Requires:
/// `services` outlives the registry.
void addVariableTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
