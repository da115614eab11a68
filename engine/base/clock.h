#pragma once

#include <QString>
#include <chrono>

namespace celldeck {

using Milliseconds = std::chrono::milliseconds;
using UtcTime = std::chrono::sys_time<Milliseconds>;

/// Where a service gets the wall time from, so that a test can set it. Owned by the composition
/// root and outlives every service. Thread: any.
class Clock
{
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual UtcTime now() const = 0;
};

class SystemClock final : public Clock
{
public:
    [[nodiscard]] UtcTime now() const override;
};

/// A clock that stands still until told otherwise. Thread: the test's.
class ManualClock final : public Clock
{
public:
    explicit ManualClock(UtcTime start) : m_now(start) {}
    [[nodiscard]] UtcTime now() const override { return m_now; }
    void set(UtcTime now) { m_now = now; }
    void advance(Milliseconds by) { m_now += by; }

private:
    UtcTime m_now;
};

/// ISO 8601 in UTC with milliseconds, e.g. 2026-11-24T06:54:12.000Z.
[[nodiscard]] QString toIso(UtcTime time);

}  // namespace celldeck
