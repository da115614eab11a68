#pragma once

#include <optional>

#include "base/clock.h"

namespace celldeck::tasks {

/// What becomes of tasks that waited when the last engine died, if their kernel is gone too.
enum class Recovery {
    Run,     ///< They run on a fresh kernel.
    Replay,  ///< First the cells that its session had completed run again, to rebuild its state.
    Hold,    ///< Their notebooks are paused until somebody resumes them.
    Leave,   ///< Nothing is touched: they belong to another host of this data folder.
};

/// What a recovery has found.
struct RescueReport
{
    std::optional<UtcTime> uncleanSince;  ///< When the engine had begun that did not end in order
    int followed = 0;                     ///< running tasks whose kernels still work on them
    int interrupted = 0;                  ///< running tasks whose kernels are gone
    int restored = 0;                     ///< pending tasks
    int stateLost = 0;                    ///< those of them whose kernel is gone
    int replayed = 0;                     ///< tasks queued to rebuild that state
    int strays = 0;                       ///< kernels ended that nobody had recorded

    bool operator==(const RescueReport &) const = default;
};

}  // namespace celldeck::tasks
