#include "base/clock.h"

#include <QDateTime>

namespace celldeck {

UtcTime SystemClock::now() const
{
    return std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
}

Milliseconds SystemClock::awake() const
{
    // CLOCK_MONOTONIC, which on Linux stands still while the machine sleeps.
    return std::chrono::duration_cast<Milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
}

QString toIso(UtcTime time)
{
    return QDateTime::fromMSecsSinceEpoch(time.time_since_epoch().count(), Qt::UTC)
        .toString(Qt::ISODateWithMs);
}

}  // namespace celldeck
