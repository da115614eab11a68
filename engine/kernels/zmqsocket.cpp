#include "kernels/zmqsocket.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <QLoggingCategory>
#include <QPointer>
#include <cstring>
#include <string>
#include <zmq.hpp>

#include "async/turn.h"
#include "kernels/socketmonitor.h"

Q_LOGGING_CATEGORY(lcZmq, "celldeck.kernels.zmq", QtInfoMsg)

namespace celldeck::kernels {

namespace {

/// What is delivered in one go, so that a storm of output does not starve the other sockets:
/// messages, and bytes.
constexpr int Budget = 256;
constexpr qsizetype BudgetBytes = 8 * 1024 * 1024;

/// And what is taken out of ZeroMQ before that: more than comes meanwhile, or it would pile up
/// there.
constexpr qsizetype CollectBytes = 32 * 1024 * 1024;

/// What the allocator has kept of a storm is given back when so much has gone through and nothing
/// waits any more.
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

/// A long one is not held twice: what has been copied of it goes back piece by piece.
QByteArray taken(zmq::message_t &part)
{
    constexpr size_t PieceBytes = 4 * 1024 * 1024;
    if (part.size() <= 2 * PieceBytes)
        return QByteArray(part.data<char>(), qsizetype(part.size()));
    static const auto pageBytes = size_t(::sysconf(_SC_PAGESIZE));
    QByteArray bytes(qsizetype(part.size()), Qt::Uninitialized);
    char *const from = part.data<char>();
    const size_t untilPage = pageBytes - reinterpret_cast<std::uintptr_t>(from) % pageBytes;
    for (size_t at = 0; at < part.size();) {
        const size_t end = std::min(part.size(), at == 0 ? untilPage : at + PieceBytes);
        std::memcpy(bytes.data() + at, from + at, end - at);
        // Only whole pages of its own: at the ends there may be others' bytes.
        if (at > 0 && end < part.size())
            ::madvise(from + at, end - at, MADV_DONTNEED);
        at = end;
    }
    return bytes;
}

}  // namespace

ZmqSocket::ZmqSocket(zmq::context_t &context, Kind kind, const QString &backlogFolder)
    : m_context(context), m_kind(kind), m_backlog(backlogFolder)
{}

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
        // the kernel (shell). Memory is bounded by taking it out at once.
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

void ZmqSocket::collect()
{
    try {
        for (qsizetype bytes = 0; bytes < CollectBytes;) {
            // A requester may not even look for an answer to no request.
            if (m_kind == Kind::Request && !(m_socket->get(zmq::sockopt::events) & ZMQ_POLLIN))
                return;
            zmq::message_t part;
            if (!m_socket->recv(part, zmq::recv_flags::dontwait))
                return;
            Frames frames{taken(part)};
            while (part.more() && m_socket->recv(part, zmq::recv_flags::none))
                frames.push_back(taken(part));  // never waits: messages arrive whole
            bytes += bytesOf(frames);
            m_bytesSinceTrim += bytesOf(frames) + MessageOverhead;
            m_backlog.push(std::move(frames));
        }
    } catch (const zmq::error_t &e) {
        qCWarning(lcZmq, "receive: %s", e.what());
        return;
    }
    drainSoon();
}

bool ZmqSocket::drain()
{
    if (!m_socket)
        return false;
    collect();
    const QPointer<ZmqSocket> self(this);
    int delivered = 0;
    for (qsizetype bytes = 0;
         delivered < Budget && bytes < BudgetBytes && !m_isPaused && !m_backlog.isEmpty();
         ++delivered) {
        Result<Frames> frames = m_backlog.pop();
        if (frames)
            bytes += bytesOf(*frames);
        m_receiver(std::move(frames));
        if (!self || !m_socket)
            return true;
    }
    if (!m_backlog.isEmpty() && !m_isPaused)
        drainSoon();
    if (!m_drainPosted && m_backlog.isEmpty() && m_bytesSinceTrim > TrimAfterBytes) {
        ::malloc_trim(0);
        m_bytesSinceTrim = 0;
    }
    return delivered > 0;
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

void ZmqSocket::setPaused(bool paused)
{
    m_isPaused = paused;
    if (!paused)
        drainSoon();
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
    m_backlog.clear();
}

}  // namespace celldeck::kernels
