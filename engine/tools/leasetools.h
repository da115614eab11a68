#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// list_leases, renew_lease, release_lease, pin_asset, prune_unused_assets.
void addLeaseTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
