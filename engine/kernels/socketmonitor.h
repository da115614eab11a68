#pragma once

#include <memory>

#include "async/waiter.h"

class QSocketNotifier;

namespace zmq {
class context_t;
class socket_t;
}  // namespace zmq

namespace celldeck::kernels {

/// Resolves a waiter at the first of some events of a ZeroMQ socket's connection, of which ZeroMQ's
/// own thread tells. A socket has one monitor at a time: a later one takes the earlier one's place.
///
/// Owned by a ZmqSocket. Thread: the one that made it. Stopping: with its owner, after which
/// `happened` is not resolved any more.
class SocketMonitor final
{
public:
    /// `events`: of ZMQ_EVENT_…. `happened` fails with Io. Requires: a context and a socket that
    /// outlive it.
    SocketMonitor(zmq::context_t &context, zmq::socket_t &socket, int events,
                  const Waiter<> &happened);
    ~SocketMonitor();

private:
    void look();

    const Waiter<> m_happened;
    std::unique_ptr<zmq::socket_t> m_socket;
    std::unique_ptr<QSocketNotifier> m_notifier;
};

}  // namespace celldeck::kernels
