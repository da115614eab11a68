#pragma once

#include <QTimer>

#include "kernels/zmqsocket.h"

namespace celldeck::kernels {

/// Pings a kernel's heartbeat channel. Most kernels answer from a thread of its own even while a
/// cell runs: one that does not is stopped or starved. Others, such as IRkernel, answer between
/// cells only: so while one is busy its silence counts only if it has answered in the middle of a
/// cell before, or its process is stopped. That it has died is noticed at once, by its process, and
/// not here.
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

    /// Tells whether the kernel's process is stopped. Asked only while it is silent.
    void setStoppedCheck(std::function<bool()> isStopped) { m_isStopped = std::move(isStopped); }

    /// Fails with Io. A ping each `interval`, the first one now.
    [[nodiscard]] Result<> start(const QString &endpoint, Milliseconds interval);

    void stop() { m_timer.stop(); }
    /// With true, a cell begins.
    void setBusy(bool busy);

    [[nodiscard]] bool isResponding() const { return m_missed <= MissesAllowed; }

Q_SIGNALS:
    void respondingChanged(bool responding);

private:
    void beat();
    void handleAnswer();

    [[nodiscard]] bool doesSilenceCount() const;

    ZmqSocket m_socket;
    QTimer m_timer;
    std::function<bool()> m_isStopped;
    bool m_waiting = false;  // for the answer to the last ping
    int m_missed = 0;
    bool m_isBusy = false;
    int m_cell = 0;                   // how many have begun
    int m_sentIn = 0;                 // the cell in which the last ping left; 0: in none
    int m_answeredIn = 0;             // and the last one was answered that had left in the same
    bool m_answersWhileBusy = false;  // and that cell ran on
};

}  // namespace celldeck::kernels
