#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// Looks at sessions and their kernels, and changes nothing but a working folder. Requires:
/// `services` outlives the registry.
void addSessionTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
