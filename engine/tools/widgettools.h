#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// What the widgets of a kernel are. Requires: `services` outlives the registry.
void addWidgetTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
