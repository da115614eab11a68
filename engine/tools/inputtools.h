#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// submit_input. Requires: `services` outlives the
/// registry.
void addInputTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
