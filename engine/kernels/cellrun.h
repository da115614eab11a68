#pragma once

#include <QObject>
#include <functional>
#include <optional>

#include "async/coalescer.h"
#include "async/waiter.h"
#include "kernels/messagerouter.h"
#include "kernels/pendingexecution.h"

namespace celldeck::kernels {

/// The cell that a kernel runs, if it runs one: takes its messages from the router, shows what has
/// come at most 30 times a second, and resolves with its end. What comes for it after that is an
/// orphan.
///
/// Owned by a Kernel. Thread: the engine's. Stopping: `abandon()`.
class CellRun final : public QObject
{
    Q_OBJECT

public:
    explicit CellRun(MessageRouter &router);

    /// Requires: not active.
    [[nodiscard]] Waiter<Execution> begin(PendingExecution execution,
                                          std::function<void(const Json &outputs)> changed);
    /// See PendingExecution. Requires: active.
    void setMarker(const QByteArray &messageId,
                   PendingExecution::Heard heard = PendingExecution::Heard::Rest);
    /// A line of ours among its outputs. Requires: active.
    void note(const QString &line);
    /// Ends without the kernel's saying so.
    void abandon(const Error &why);

    [[nodiscard]] bool isActive() const { return m_active.has_value(); }
    /// Requires: active.
    [[nodiscard]] QByteArray messageId() const { return m_active->execution.messageId(); }
    /// Of the current or the last one.
    [[nodiscard]] const Json &outputs();
    /// Of the current or the last one.
    [[nodiscard]] const DisplayState &displays() const;
    /// Of the current or the last one.
    [[nodiscard]] std::optional<std::int64_t> executionCount() const;
    /// What the last one has left, which may be large. Does nothing while one runs.
    void forgetLast();
    /// All that the last one has printed is where it belongs, also what went to files, and the
    /// memory that took is given back. Requires: not active.
    [[nodiscard]] Waiter<> settled();
    [[nodiscard]] bool isSettled() const { return m_lastSpools.empty(); }
    [[nodiscard]] std::optional<InputRequest> input() const;
    /// What it asks was told to an earlier engine. Does nothing if it has asked anew since.
    /// Requires: active.
    void setAsked(const InputRequest &request);
    /// Requires: active.
    void setInputAnswered() { m_active->execution.setInputAnswered(); }
    /// Requires: active.
    void setInputDoubtful() { m_active->execution.setInputDoubtful(); }
    /// Whether it may wait for an answer to what nobody has heard.
    [[nodiscard]] bool mayHaveAsked() const;

Q_SIGNALS:
    void inputRequested(const celldeck::kernels::InputRequest &request);
    /// Before its waiter resolves.
    void ended();
    /// Nobody waits any more for what the kernel answers to a marker.
    void markerLeft(const QByteArray &messageId);

private:
    struct Active
    {
        PendingExecution execution;
        std::function<void(const Json &)> changed;
        Waiter<Execution> done;
    };
    void take(Channel channel, const Message &message);
    [[nodiscard]] Active stop();
    void dropMarker(const QByteArray &messageId);
    void show();

    MessageRouter &m_router;
    std::optional<Active> m_active;
    std::shared_ptr<const Json> m_lastOutputs = std::make_shared<const Json>(Json::array());
    std::optional<std::int64_t> m_lastCount;
    DisplayState m_lastDisplays;
    std::vector<std::shared_ptr<Spool>> m_lastSpools;
    Coalescer m_shown;
};

}  // namespace celldeck::kernels
