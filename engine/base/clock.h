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
    /// What has passed since some moment while the machine was awake: neither its sleep nor a wall
    /// clock that is set moves this on.
    [[nodiscard]] virtual Milliseconds awake() const = 0;
};

class SystemClock final : public Clock
{
public:
    [[nodiscard]] UtcTime now() const override;
    [[nodiscard]] Milliseconds awake() const override;
};

/// A clock that stands still until told otherwise. Thread: the test's.
class ManualClock final : public Clock
{
public:
    explicit ManualClock(UtcTime start) : m_now(start) {}
    [[nodiscard]] UtcTime now() const override { return m_now; }
    [[nodiscard]] Milliseconds awake() const override { return m_awake; }
    /// As somebody who sets the clock, or a machine that sleeps until then.
    void set(UtcTime now) { m_now = now; }
    void advance(Milliseconds by)
    {
        m_now += by;
        m_awake += by;
    }

private:
    UtcTime m_now;
    Milliseconds m_awake{0};
};

/// ISO 8601 in UTC with milliseconds, e.g. 2026-11-24T06:54:12.000Z.
[[nodiscard]] QString toIso(UtcTime time);

}  // namespace celldeck
