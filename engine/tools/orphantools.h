#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// list_orphans, read_orphans, adopt_orphans, discard_orphans. Requires: `services` outlives the
/// registry.
void addOrphanTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
