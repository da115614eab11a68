#include "base/clock.h"

#include <QDateTime>
#include <array>

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
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    if (int(date.year()) < 0 || int(date.year()) > 9'999)
        return QDateTime::fromMSecsSinceEpoch(time.time_since_epoch().count(), Qt::UTC)
            .toString(Qt::ISODateWithMs);
    // Each message and event has one, and QDateTime takes ten times as long.
    const std::chrono::hh_mm_ss clock(time - day);
    std::array text = std::to_array("0000-00-00T00:00:00.000Z");
    const auto put = [&text](std::size_t end, std::int64_t number) {
        for (; number > 0; number /= 10)
            text[--end] = char('0' + number % 10);
    };
    put(4, int(date.year()));
    put(7, unsigned(date.month()));
    put(10, unsigned(date.day()));
    put(13, clock.hours().count());
    put(16, clock.minutes().count());
    put(19, clock.seconds().count());
    put(23, clock.subseconds().count());
    return QString::fromLatin1(text.data());
}

}  // namespace celldeck
