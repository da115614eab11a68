#pragma once

#include <QByteArray>
#include <deque>
#include <functional>

namespace celldeck::net {

/// CONTRACT.md section 7: one socket's outbox.
inline constexpr qint64 OutboxLimit = 8 * 1024 * 1024;

/// What waits for one client. Qt's sockets never refuse and never block: they grow. So only a
/// little is handed to the socket at a time, and the rest waits here, bounded.
///
/// Owned by whoever owns the socket. Thread: the engine's.
class Outbox
{
public:
    struct Socket
    {
        std::function<qint64()> waiting;  ///< Bytes that the socket has not sent yet
        std::function<void(const QByteArray &)> write;
    };

    explicit Outbox(Socket socket, qint64 limit = OutboxLimit)
        : m_socket(std::move(socket)), m_limit(limit)
    {}

    /// False if the client has not read for so long that the message has no room: close it.
    [[nodiscard]] bool push(QByteArray message);
    /// To be called when the socket has sent something.
    void pump();
    [[nodiscard]] bool isEmpty() const { return m_messages.empty(); }

private:
    Socket m_socket;
    qint64 m_limit;
    qint64 m_bytes = 0;
    std::deque<QByteArray> m_messages;
};

}  // namespace celldeck::net
