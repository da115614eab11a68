#pragma once

#include <QObject>
#include <QSocketNotifier>
#include <QString>
#include <functional>
#include <memory>

#include "async/waiter.h"
#include "kernels/framebacklog.h"

namespace zmq {
class context_t;
class socket_t;
}  // namespace zmq

namespace celldeck::kernels {

class SocketMonitor;

/// One connecting ZeroMQ socket in Qt's event loop. ZMQ_FD is edge-triggered, and any call on the
/// socket can consume the edge; so whatever has come is taken out first, then delivered, and after
/// each send the socket is looked at again. What comes faster than it is delivered waits in a
/// FrameBacklog.
///
/// Owned by a client. Thread: the one that opened it. Stopping: `close()`, also from a slot of
/// the receiver, after which nothing more is delivered; what was not sent yet is dropped.
class ZmqSocket final : public QObject
{
    Q_OBJECT

public:
    /// Request: an answer that is missing does not block the next request.
    enum class Kind { Dealer, Subscriber, Request };

    /// `backlogFolder`: see FrameBacklog. Requires: a context that outlives it.
    ZmqSocket(zmq::context_t &context, Kind kind, const QString &backlogFolder = {});
    ~ZmqSocket() override;

    /// Whoever takes what comes, message by message, and has it alone; or is told with Io that some
    /// were lost. Requires: before connecting.
    void setReceiver(std::function<void(Result<Frames> frames)> receiver)
    {
        m_receiver = std::move(receiver);
    }
    /// What the peer knows it by, instead of a name that the peer invents: so an answer finds its
    /// way to whoever comes with that name later. Requires: not connected yet; 1 to 255 bytes.
    void setIdentity(const QByteArray &identity) { m_identity = identity; }
    /// Fails with Io. The peer may come later: messages wait for it.
    [[nodiscard]] Result<> connectTo(const QString &endpoint);
    /// Fails with Io, without blocking.
    [[nodiscard]] Result<> send(const Frames &frames);
    /// Delivers what has come, now; at most a batch. False if there was nothing.
    bool drain();
    /// Resolves when the peer has taken the connection: what it sends for what we send from then on
    /// reaches us. Fails with Io. Requires: called before `connectTo`.
    [[nodiscard]] Waiter<> connected();
    /// Resolves when the connection has ended, or there is none: then all that came over it is
    /// there for `drain`. Fails with Io. Requires: called once.
    [[nodiscard]] Waiter<> connectionEnded();
    /// What comes meanwhile waits in the socket. Requires: whoever switches it on again drains it.
    void setNoticed(bool noticed);
    /// While paused, also from the receiver, nothing is delivered; it waits in the backlog.
    void setPaused(bool paused);
    [[nodiscard]] bool isPaused() const { return m_isPaused; }
    void close();

private:
    void collect();
    void drainSoon();
    void watch(int events, const Waiter<> &happened);

    zmq::context_t &m_context;
    const Kind m_kind;
    std::function<void(Result<Frames>)> m_receiver;
    QByteArray m_identity;
    std::unique_ptr<zmq::socket_t> m_socket;
    std::unique_ptr<QSocketNotifier> m_notifier;
    std::unique_ptr<SocketMonitor> m_monitor;
    bool m_isConnectionAwaited = false;
    Waiter<> m_connected;
    Waiter<> m_connectionEnded;
    FrameBacklog m_backlog;
    bool m_isPaused = false;
    bool m_drainPosted = false;
    qsizetype m_bytesSinceTrim = 0;
};

}  // namespace celldeck::kernels
