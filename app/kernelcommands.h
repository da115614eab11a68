#pragma once

#include <cstdint>

#include "commandline.h"

namespace celldeck::app {

struct OrphanCounts
{
    std::int64_t messages = 0;
    std::int64_t dropped = 0;
};

/// What the engine on that command's data folder holds; nothing if none runs.
[[nodiscard]] OrphanCounts countOrphans(const CommandLine &line);

}  // namespace celldeck::app
