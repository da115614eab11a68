#include "base/crashpoint.h"

#ifdef CELLDECK_CRASH_POINTS

#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

namespace celldeck::detail {

namespace {

/// "name:n"; n is 1 where it is left out.
struct CrashPlan
{
    std::string point;
    int left = 1;

    CrashPlan()
    {
        const char *const asked = std::getenv("CELLDECK_CRASH_AT");
        if (!asked)
            return;
        point = asked;
        const auto colon = point.rfind(':');
        if (colon == std::string::npos)
            return;
        std::from_chars(point.data() + colon + 1, point.data() + point.size(), left);
        point.resize(colon);
    }
};

const CrashPlan Plan;

}  // namespace

const bool crashIsPlanned = !Plan.point.empty();

void reachCrashPoint(std::string_view name)
{
    static std::atomic<int> left = Plan.left;
    if (name != Plan.point || --left != 0)
        return;
    // So that whatever does not wait for this step, and should, has time to happen.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::raise(SIGKILL);
}

}  // namespace celldeck::detail

#endif
