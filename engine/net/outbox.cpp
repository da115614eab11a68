#include "net/outbox.h"

namespace celldeck::net {

namespace {

// Enough to keep a socket busy until the event loop comes round.
constexpr qint64 HandedOver = 256 * 1024;

}  // namespace

bool Outbox::push(QByteArray message)
{
    // A single big message passes: it was bounded where it was made.
    if (!m_messages.empty() && m_bytes + message.size() > m_limit)
        return false;
    m_bytes += message.size();
    m_messages.push_back(std::move(message));
    pump();
    return true;
}

void Outbox::pump()
{
    while (!m_messages.empty() && m_socket.waiting() < HandedOver) {
        const QByteArray message = std::move(m_messages.front());
        m_messages.pop_front();
        m_bytes -= message.size();
        m_socket.write(message);
    }
}

}  // namespace celldeck::net
