#pragma once

#include "storage/leasestore.h"

namespace celldeck::assets {

/// The clock that leases run by. It moves only with time that an engine has seen pass: a wall clock
/// that is set, a machine that sleeps, and days on which no engine ran do not move it, so they
/// expire nothing. (The other way, to notice a jump and to extend all leases by it, changes every
/// row at once, and a crash in between would do it to some of them twice.)
///
/// What the database keeps is how far it is behind the wall's clock, and when that was last looked
/// at: what has passed since the last look of an engine that ended is not seen.
class LeaseClock
{
public:
    explicit LeaseClock(const Clock &clock);

    /// Goes on where an earlier engine has left it.
    void resume(const storage::LeaseClockState &state);

    [[nodiscard]] storage::LeaseMoment now() const;
    [[nodiscard]] storage::LeaseClockState state() const;

private:
    const Clock &m_clock;
    UtcTime m_begun;       // by this clock
    Milliseconds m_awake;  // then
};

}  // namespace celldeck::assets
