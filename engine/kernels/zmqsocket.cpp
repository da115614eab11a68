#include "kernels/zmqsocket.h"

#include <malloc.h>
#include <QLoggingCategory>
#include <QPointer>
#include <string>
#include <zmq.hpp>

#include "async/turn.h"
#include "kernels/socketmonitor.h"

Q_LOGGING_CATEGORY(lcZmq, "celldeck.kernels.zmq", QtInfoMsg)

namespace celldeck::kernels {

namespace {

/// Messages taken in one go, so that a storm of output does not starve the other sockets; and their
/// bytes, so that big ones do not stand in memory beside each other.
constexpr size_t Budget = 256;
constexpr qsizetype BudgetBytes = 8 * 1024 * 1024;

/// In a storm messages wait in ZeroMQ, which frees them one by one; what the allocator has kept of
/// that is given back when so much has gone through and nothing waits any more.
constexpr qsizetype TrimAfterBytes = 16 * 1024 * 1024;

/// What a message takes there besides its bytes.
constexpr qsizetype MessageOverhead = 1'024;

/// A kernel binds within a second or so; ZeroMQ's default of 100 ms would add to each start.
constexpr int ReconnectMs = 25;

/// The end of a connection; and each time that another one is tried, so that an end which has been
/// before we ask shows too. ZeroMQ tells of it behind all that has come.
constexpr int ConnectionEnds = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CONNECT_RETRIED;

std::unexpected<Error> ioError(const QString &operation, const zmq::error_t &e)
{
    return fail(ErrorCode::Io,
                QStringLiteral("ZeroMQ: %1: %2").arg(operation, QString::fromUtf8(e.what())));
}

zmq::socket_type typeOf(ZmqSocket::Kind kind)
{
    switch (kind) {
    case ZmqSocket::Kind::Subscriber:
        return zmq::socket_type::sub;
    case ZmqSocket::Kind::Request:
        return zmq::socket_type::req;
    case ZmqSocket::Kind::Dealer:
        break;
    }
    return zmq::socket_type::dealer;
}

QByteArray bytesOf(const zmq::message_t &part)
{
    return QByteArray(part.data<char>(), qsizetype(part.size()));
}

}  // namespace

ZmqSocket::ZmqSocket(zmq::context_t &context, Kind kind) : m_context(context), m_kind(kind) {}

ZmqSocket::~ZmqSocket()
{
    close();
}

Waiter<> ZmqSocket::connected()
{
    m_isConnectionAwaited = true;
    return m_connected;
}

Result<> ZmqSocket::connectTo(const QString &endpoint)
{
    try {
        auto socket = std::make_unique<zmq::socket_t>(m_context, typeOf(m_kind));
        socket->set(zmq::sockopt::linger, 0);
        // No bound on what is received: a full queue would drop outputs in silence (iopub) or stop
        // the kernel (shell). Memory is bounded by reading at once.
        socket->set(zmq::sockopt::rcvhwm, 0);
        socket->set(zmq::sockopt::reconnect_ivl, ReconnectMs);
        if (!m_identity.isEmpty())
            socket->set(zmq::sockopt::routing_id,
                        std::string_view(m_identity.constData(), size_t(m_identity.size())));
        if (m_kind == Kind::Subscriber)
            socket->set(zmq::sockopt::subscribe, "");
        if (m_kind == Kind::Request) {
            socket->set(zmq::sockopt::req_relaxed, 1);
            // Else a late answer to an old request would pass for the one to the last.
            socket->set(zmq::sockopt::req_correlate, 1);
        }
        m_socket = std::move(socket);
        if (m_isConnectionAwaited)
            watch(ZMQ_EVENT_HANDSHAKE_SUCCEEDED, m_connected);
        m_socket->connect(endpoint.toStdString());
        m_notifier = std::make_unique<QSocketNotifier>(m_socket->get(zmq::sockopt::fd),
                                                       QSocketNotifier::Read);
    } catch (const zmq::error_t &e) {
        close();
        return ioError(QStringLiteral("connect to %1").arg(endpoint), e);
    }
    connect(m_notifier.get(), &QSocketNotifier::activated, this, [this] {
        const Turn turn;
        drain();
    });
    drainSoon();  // the edge may have passed before the notifier was there
    return {};
}

Result<> ZmqSocket::send(const Frames &frames)
{
    if (!m_socket)
        return fail(ErrorCode::Io, QStringLiteral("ZeroMQ: send on a closed socket"));
    try {
        for (size_t i = 0; i < frames.size(); ++i) {
            const auto flags = i + 1 < frames.size()
                                   ? zmq::send_flags::sndmore | zmq::send_flags::dontwait
                                   : zmq::send_flags::dontwait;
            const zmq::const_buffer part(frames[i].constData(), size_t(frames[i].size()));
            if (!m_socket->send(part, flags))
                return fail(ErrorCode::Io, QStringLiteral("ZeroMQ: the send queue is full"));
        }
        if (m_socket->get(zmq::sockopt::events) & ZMQ_POLLIN)
            drainSoon();
    } catch (const zmq::error_t &e) {
        return ioError(QStringLiteral("send"), e);
    }
    return {};
}

std::vector<Frames> ZmqSocket::take()
{
    std::vector<Frames> batch;
    try {
        for (qsizetype bytes = 0; batch.size() < Budget && bytes < BudgetBytes;) {
            // A requester may not even look for an answer to no request.
            if (m_kind == Kind::Request && !(m_socket->get(zmq::sockopt::events) & ZMQ_POLLIN))
                return batch;
            zmq::message_t part;
            if (!m_socket->recv(part, zmq::recv_flags::dontwait))
                return batch;
            Frames frames{bytesOf(part)};
            while (part.more() && m_socket->recv(part, zmq::recv_flags::none))
                frames.push_back(bytesOf(part));  // never waits: messages arrive whole
            const qsizetype before = bytes;
            for (const QByteArray &frame : frames)
                bytes += frame.size();
            m_bytesSinceTrim += bytes - before + MessageOverhead;
            batch.push_back(std::move(frames));
        }
    } catch (const zmq::error_t &e) {
        qCWarning(lcZmq, "receive: %s", e.what());
        return batch;
    }
    drainSoon();
    return batch;
}

bool ZmqSocket::drain()
{
    if (!m_socket)
        return false;
    std::vector<Frames> batch = take();
    const QPointer<ZmqSocket> self(this);
    for (const Frames &frames : batch) {
        Q_EMIT received(frames);
        if (!self || !m_socket)
            return true;
    }
    const bool any = !batch.empty();
    batch.clear();
    if (!m_drainPosted && m_bytesSinceTrim > TrimAfterBytes) {
        ::malloc_trim(0);
        m_bytesSinceTrim = 0;
    }
    return any;
}

void ZmqSocket::drainSoon()
{
    if (std::exchange(m_drainPosted, true))
        return;
    QMetaObject::invokeMethod(
        this,
        [this] {
            m_drainPosted = false;
            const Turn turn;
            drain();
        },
        Qt::QueuedConnection);
}

Waiter<> ZmqSocket::connectionEnded()
{
    if (!m_socket)
        return Waiter<>::resolved(
            fail(ErrorCode::Io, QStringLiteral("ZeroMQ: there is no connection")));
    watch(ConnectionEnds, m_connectionEnded);
    return m_connectionEnded;
}

void ZmqSocket::watch(int events, const Waiter<> &happened)
{
    m_monitor.reset();
    m_monitor = std::make_unique<SocketMonitor>(m_context, *m_socket, events, happened);
}

void ZmqSocket::setNoticed(bool noticed)
{
    if (m_notifier)
        m_notifier->setEnabled(noticed);
}

void ZmqSocket::close()
{
    m_monitor.reset();
    if (m_notifier) {
        m_notifier->setEnabled(false);
        m_notifier->disconnect(this);
        m_notifier.release()->deleteLater();  // this may be its own signal
    }
    m_socket.reset();
}

}  // namespace celldeck::kernels
