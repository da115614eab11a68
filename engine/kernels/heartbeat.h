#pragma once

#include <QTimer>

#include "kernels/zmqsocket.h"

namespace celldeck::kernels {

/// Pings a kernel's heartbeat channel, which answers from a thread of its own even while a cell
/// runs: a kernel that does not is stopped or starved. That it has died is noticed at once, by its
/// process, and not here.
///
/// Owned by a KernelClient. Thread: the engine's. Stopping: with its owner.
class Heartbeat final : public QObject
{
    Q_OBJECT

public:
    /// So many pings in a row without an answer.
    static constexpr int MissesAllowed = 2;

    /// Requires: a context that outlives it.
    explicit Heartbeat(zmq::context_t &context);

    /// Fails with Io. A ping each `interval`, the first one now.
    [[nodiscard]] Result<> start(const QString &endpoint, Milliseconds interval);

    [[nodiscard]] bool isResponding() const { return m_missed <= MissesAllowed; }

Q_SIGNALS:
    void respondingChanged(bool responding);

private:
    void beat();
    void handleAnswer();

    ZmqSocket m_socket;
    QTimer m_timer;
    bool m_waiting = false;  // for the answer to the last ping
    int m_missed = 0;
};

}  // namespace celldeck::kernels
