#pragma once

#include <QTimer>
#include <functional>

#include "base/clock.h"

namespace celldeck {

/// Turns many pokes into one call, at most one an interval: the first poke of a quiet time starts
/// the interval, and the call comes at its end. Owned by whoever is called. Thread: the owner's.
/// Stopping: with the owner; a call that is due is dropped.
class Coalescer
{
public:
    Coalescer(Milliseconds interval, std::function<void()> fire);

    void poke();
    /// Calls now if a call is due, e.g. before the last answer.
    void flush();

private:
    QTimer m_timer;
    std::function<void()> m_fire;
};

}  // namespace celldeck
