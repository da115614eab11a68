#include "kernels/heartbeat.h"

namespace celldeck::kernels {

Heartbeat::Heartbeat(zmq::context_t &context) : m_socket(context, ZmqSocket::Kind::Request)
{
    m_timer.setTimerType(Qt::VeryCoarseTimer);
    connect(&m_timer, &QTimer::timeout, this, &Heartbeat::beat);
    m_socket.setReceiver([this](const Result<Frames> &) { handleAnswer(); });
}

Result<> Heartbeat::start(const QString &endpoint, Milliseconds interval)
{
    const Result<> connected = m_socket.connectTo(endpoint);
    if (!connected)
        return connected;
    if (interval < Milliseconds(1'000))
        m_timer.setTimerType(Qt::CoarseTimer);
    m_timer.start(interval);
    beat();
    return {};
}

void Heartbeat::setBusy(bool busy)
{
    m_isBusy = busy;
    m_cell += busy ? 1 : 0;
}

void Heartbeat::beat()
{
    if (m_isBusy && m_answeredIn == m_cell)
        m_answersWhileBusy = true;
    if (m_waiting && doesSilenceCount()) {
        ++m_missed;
        if (m_missed == MissesAllowed + 1)
            Q_EMIT respondingChanged(false);
    }
    // A ping that cannot leave is one without an answer.
    m_waiting = true;
    m_sentIn = m_isBusy ? m_cell : 0;
    if (const Result<> sent = m_socket.send({QByteArrayLiteral("ping")}); !sent)
        qWarning("%s", qUtf8Printable(sent.error().message));
}

bool Heartbeat::doesSilenceCount() const
{
    return !m_isBusy || m_answersWhileBusy || (m_isStopped && m_isStopped());
}

void Heartbeat::handleAnswer()
{
    m_waiting = false;
    if (m_isBusy && m_sentIn == m_cell)
        m_answeredIn = m_cell;
    const bool wasResponding = isResponding();
    m_missed = 0;
    if (!wasResponding)
        Q_EMIT respondingChanged(true);
}

}  // namespace celldeck::kernels
