#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// read_asset, peek_asset, get_asset_content, get_assets_summary.
void addAssetTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
