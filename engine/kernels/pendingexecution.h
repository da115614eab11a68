#pragma once

#include "kernels/execution.h"
#include "kernels/kernelclient.h"

namespace celldeck::kernels {

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
    enum class Effect { Foreign, None, OutputsChanged, Ended };

    /// `soFar`: outputs that an earlier engine has recorded of it.
    explicit PendingExecution(QByteArray messageId, Json soFar = Json::array());

    void setMarker(QByteArray messageId);
    Effect take(Channel channel, const Message &message);

    [[nodiscard]] const Json &outputs() const { return m_collector.outputs(); }
    /// Requires: ended. Fails with Missed: its reply came while nobody listened.
    [[nodiscard]] Result<Execution> result() const;

private:
    Effect takeIopub(const Message &message);
    Effect takeReply(const Message &message);
    Effect takeMarker(Channel channel, const Message &message);
    [[nodiscard]] Effect endedOr(Effect effect) const;

    const QByteArray m_messageId;
    QByteArray m_marker;
    OutputCollector m_collector;
    Execution m_execution;
    bool m_replied = false;
    bool m_idle = false;
    bool m_markerReplied = false;
    bool m_markerIdle = false;
};

}  // namespace celldeck::kernels
