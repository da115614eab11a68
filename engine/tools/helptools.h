#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// Help with code: what a kernel says of it, in any language, through its own protocol. Requires:
/// `services` outlives the registry.
void addHelpTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
