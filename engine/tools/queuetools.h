#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

namespace celldeck::tools {

/// cancel_execution, cancel_all, replay_task, move_task, pause_queue, resume_queue,
/// set_stop_on_error.
void addQueueTools(mcp::ToolRegistry &registry, const Services &services);

}  // namespace celldeck::tools
