#include "kernels/socketmonitor.h"

#include <QSocketNotifier>
#include <atomic>
#include <string>
#include <zmq.hpp>

namespace celldeck::kernels {

namespace {

std::unexpected<Error> cannotWatch(const char *why)
{
    return fail(
        ErrorCode::Io,
        QStringLiteral("ZeroMQ: the connection cannot be watched: %1").arg(QString::fromUtf8(why)));
}

}  // namespace

SocketMonitor::SocketMonitor(zmq::context_t &context, zmq::socket_t &socket, int events,
                             const Waiter<> &happened)
    : m_happened(happened)
{
    // A name of its own: that of an earlier one is free only when ZeroMQ's thread has let it go.
    static std::atomic<int> made = 0;
    const std::string endpoint = "inproc://monitor-" + std::to_string(++made);
    if (zmq_socket_monitor(socket.handle(), endpoint.c_str(), events) != 0) {
        m_happened.resolve(cannotWatch(zmq_strerror(zmq_errno())));
        return;
    }
    try {
        m_socket = std::make_unique<zmq::socket_t>(context, zmq::socket_type::pair);
        m_socket->set(zmq::sockopt::linger, 0);
        m_socket->connect(endpoint);
        m_notifier = std::make_unique<QSocketNotifier>(m_socket->get(zmq::sockopt::fd),
                                                       QSocketNotifier::Read);
    } catch (const zmq::error_t &e) {
        m_happened.resolve(cannotWatch(e.what()));
        return;
    }
    QObject::connect(m_notifier.get(), &QSocketNotifier::activated, m_notifier.get(),
                     [this] { look(); });
    look();  // the edge may have passed before the notifier was there
}

SocketMonitor::~SocketMonitor() = default;

void SocketMonitor::look()
{
    try {
        // Whatever it says: it was asked for nothing else.
        zmq::message_t part;
        if (!m_socket->recv(part, zmq::recv_flags::dontwait))
            return;
        m_happened.resolve({});
    } catch (const zmq::error_t &e) {
        m_happened.resolve(cannotWatch(e.what()));
    }
    m_notifier->setEnabled(false);
}

}  // namespace celldeck::kernels
