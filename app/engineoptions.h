#pragma once

#include "commandline.h"

namespace celldeck::app {

/// --host, --port, --workspace: what `serve` and the console share.
[[nodiscard]] QList<CommandLine::Option> endpointOptions();

/// Fails with InvalidArgument; the message names the option.
[[nodiscard]] Result<EngineOptions> engineOptions(const CommandLine &line);

}  // namespace celldeck::app
