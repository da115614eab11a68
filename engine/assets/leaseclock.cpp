#include "assets/leaseclock.h"

namespace celldeck::assets {

LeaseClock::LeaseClock(const Clock &clock)
    : m_clock(clock), m_begun(clock.now()), m_awake(clock.awake())
{}

void LeaseClock::resume(const storage::LeaseClockState &state)
{
    m_begun = state.seen ? *state.seen - state.offset : m_clock.now();
    m_awake = m_clock.awake();
}

storage::LeaseMoment LeaseClock::now() const
{
    return {.wall = m_clock.now(), .lease = m_begun + (m_clock.awake() - m_awake)};
}

storage::LeaseClockState LeaseClock::state() const
{
    const storage::LeaseMoment moment = now();
    return {.offset = moment.wall - moment.lease, .seen = moment.wall};
}

}  // namespace celldeck::assets
