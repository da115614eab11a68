#pragma once

#include <string_view>

namespace celldeck {

#ifdef CELLDECK_CRASH_POINTS

namespace detail {
extern const bool crashIsPlanned;
void reachCrashPoint(std::string_view name);
}  // namespace detail

/// A named moment at which tests/crash ends this process. CELLDECK_CRASH_AT=name:n in the
/// environment: with SIGKILL, when the point is reached for the n-th time. Not asked for, it costs
/// a branch; built without CELLDECK_CRASH_POINTS (release), nothing.
///
/// A new one: call this where a crash would be worst, with a literal "room.moment" that no other
/// place has, and give it a line in the tables of tests/crash/points.py, which say how often it
/// is to be hit and how the engine comes by. The test finds all points in the sources, and
/// fails if one is missing there or is never reached. Thread: any.
inline void crashPoint(std::string_view name)
{
    if (detail::crashIsPlanned) [[unlikely]]
        detail::reachCrashPoint(name);
}

#else

inline void crashPoint(std::string_view) {}

#endif

}  // namespace celldeck
