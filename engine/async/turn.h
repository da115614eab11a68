#pragma once

#include <memory>
#include <vector>

namespace celldeck {

namespace detail {
class ScopeCore;
}

/// One event from outside, such as a message of a kernel, from its beginning to its end. Coroutines
/// that it makes ready are resumed at its end: in another pass of the event loop, as without it,
/// they would come three system calls later.
///
/// To be opened only in what the event loop itself has called, never below: so whoever resolves a
/// waiter is still not re-entered. One inside another does nothing. No coroutine may run an event
/// loop of its own in it. Thread: any that has an event loop.
class Turn
{
public:
    Turn();
    ~Turn();
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;

private:
    friend class detail::ScopeCore;
    /// False if no turn is open in this thread.
    static bool resumeAtEnd(std::shared_ptr<detail::ScopeCore> core);

    std::vector<std::shared_ptr<detail::ScopeCore>> m_ready;
    bool m_isOuter;
};

}  // namespace celldeck
