#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// get_audit_log.
void addAuditTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
