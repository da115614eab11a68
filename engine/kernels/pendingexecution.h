#pragma once

#include "kernels/execution.h"
#include "kernels/message.h"
#include "kernels/outputcollector.h"

namespace celldeck::kernels {

/// What a cell asks of a person, and waits for.
struct InputRequest
{
    QString prompt;
    bool isPassword = false;  ///< The answer must be seen nowhere.
    Header header;            ///< what the answer has as its parent

    bool operator==(const InputRequest &) const = default;
};

/// What has come so far of one execute_request. It is complete when its execute_reply *and* its
/// idle have come, in whichever order.
///
/// One that was sent by an engine that is gone may have ended while nobody listened. So a marker,
/// a request behind it on the same channel, tells: once the marker is answered, what has not come
/// will not come any more.
///
/// Owned by a Kernel. Thread: one. Stopping: nothing to stop.
class PendingExecution final
{
public:
    enum class Effect { Foreign, None, OutputsChanged, InputRequested, Ended };

    explicit PendingExecution(QByteArray messageId, OutputCollector collector = OutputCollector());

    /// Whether it was heard from its beginning, or may have asked before.
    enum class Heard { All, Rest };
    void setMarker(QByteArray messageId, Heard heard = Heard::Rest);
    /// See OutputCollector.
    void note(const QString &line) { m_collector.note(line); }
    Effect take(Channel channel, const Message &message);

    [[nodiscard]] const QByteArray &messageId() const { return m_messageId; }
    [[nodiscard]] const QByteArray &marker() const { return m_marker; }
    [[nodiscard]] const Json &outputs() { return m_collector.outputs(); }
    /// As the kernel has numbered it, if it has.
    [[nodiscard]] std::optional<std::int64_t> executionCount() const
    {
        return m_execution.executionCount;
    }
    [[nodiscard]] const DisplayState &state() const { return m_collector.state(); }
    [[nodiscard]] const std::vector<std::shared_ptr<Spool>> &spools() const
    {
        return m_collector.spools();
    }
    /// nullopt while the cell asks for nothing.
    [[nodiscard]] const std::optional<InputRequest> &input() const { return m_input; }
    void setAsked(InputRequest request);
    void setInputAnswered();
    /// It was interrupted while it asked: most cells ask no more, but it may wait still.
    void setInputDoubtful();
    /// Whether it may wait for an answer to what it has asked before we listened, or before it was
    /// interrupted: not once it was heard to ask since, or answered.
    [[nodiscard]] bool mayHaveAsked() const { return m_mayHaveAsked; }
    /// All that it has printed. It takes nothing more.
    [[nodiscard]] std::shared_ptr<const Json> release();
    /// Requires: ended. Fails with Missed: its reply came while nobody listened.
    [[nodiscard]] Result<Execution> result();

private:
    Effect takeIopub(const Message &message);
    Effect takeReply(const Message &message);
    Effect takeMarker(Channel channel, const Message &message);
    [[nodiscard]] Effect endedOr(Effect effect) const;

    QByteArray m_messageId;
    QByteArray m_marker;
    OutputCollector m_collector;
    Execution m_execution;  // its outputs once they are released
    bool m_isReleased = false;
    std::optional<InputRequest> m_input;
    bool m_mayHaveAsked = false;
    bool m_replied = false;
    bool m_idle = false;
    bool m_markerReplied = false;
    bool m_markerIdle = false;
};

}  // namespace celldeck::kernels
