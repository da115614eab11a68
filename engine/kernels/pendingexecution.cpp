#include "kernels/pendingexecution.h"

#include "kernels/payload.h"

namespace celldeck::kernels {

namespace {

Execution::Status statusOf(const Json &reply)
{
    const QString status = textOf(reply, "status");
    if (status == QLatin1String("ok"))
        return Execution::Status::Ok;
    return status == QLatin1String("error") ? Execution::Status::Error : Execution::Status::Aborted;
}

bool isIdle(const Message &message)
{
    return message.type() == "status" &&
           textOf(message.content, "execution_state") == QLatin1String("idle");
}

}  // namespace

PendingExecution::PendingExecution(QByteArray messageId, OutputCollector collector)
    : m_messageId(std::move(messageId)), m_collector(std::move(collector))
{}

void PendingExecution::setMarker(QByteArray messageId, Heard heard)
{
    m_marker = std::move(messageId);
    m_mayHaveAsked = m_mayHaveAsked || (heard == Heard::Rest && !m_input);
}

void PendingExecution::setAsked(InputRequest request)
{
    m_input = std::move(request);
    m_mayHaveAsked = false;
}

void PendingExecution::setInputAnswered()
{
    m_input.reset();
    m_mayHaveAsked = false;
}

void PendingExecution::setInputDoubtful()
{
    m_input.reset();
    m_mayHaveAsked = true;
}

PendingExecution::Effect PendingExecution::take(Channel channel, const Message &message)
{
    const QByteArray &parent = message.parentId();
    if (!m_marker.isEmpty() && parent == m_marker)
        return takeMarker(channel, message);
    if (parent != m_messageId)
        return Effect::Foreign;
    if (channel == Channel::Iopub)
        return takeIopub(message);
    if (channel == Channel::Shell && message.type() == "execute_reply")
        return takeReply(message);
    if (channel == Channel::Stdin && message.type() == "input_request") {
        setAsked({.prompt = textOf(message.content, "prompt"),
                  .isPassword = findBool(message.content, "password").value_or(false),
                  .header = message.header});
        return Effect::InputRequested;
    }
    return Effect::None;
}

PendingExecution::Effect PendingExecution::takeIopub(const Message &message)
{
    if (message.type() == "status") {
        m_idle = m_idle || isIdle(message);
        return endedOr(Effect::None);
    }
    if (message.type() == "execute_input") {
        m_execution.executionCount = findInt(message.content, "execution_count");
        return Effect::None;
    }
    return m_collector.apply(message) ? Effect::OutputsChanged : Effect::None;
}

PendingExecution::Effect PendingExecution::takeReply(const Message &message)
{
    m_execution.status = statusOf(message.content);
    if (const auto count = findInt(message.content, "execution_count"))
        m_execution.executionCount = count;
    m_execution.payload = payloadOf(message.content);
    m_execution.errorName = textOf(message.content, "ename");
    m_execution.errorValue = textOf(message.content, "evalue");
    m_replied = true;
    m_input.reset();
    m_collector.noteLeftOut(message);
    return endedOr(Effect::None);
}

PendingExecution::Effect PendingExecution::takeMarker(Channel channel, const Message &message)
{
    m_markerReplied = m_markerReplied || channel == Channel::Shell;
    m_markerIdle = m_markerIdle || (channel == Channel::Iopub && isIdle(message));
    return endedOr(Effect::None);
}

PendingExecution::Effect PendingExecution::endedOr(Effect effect) const
{
    // The marker's idle comes behind all that ours could have had to say.
    const bool ended = m_markerIdle ? m_replied || m_markerReplied : m_replied && m_idle;
    return ended ? Effect::Ended : effect;
}

std::shared_ptr<const Json> PendingExecution::release()
{
    if (!std::exchange(m_isReleased, true))
        m_execution.outputs = std::make_shared<const Json>(m_collector.takeOutputs());
    return m_execution.outputs;
}

Result<Execution> PendingExecution::result()
{
    if (!m_replied)
        return fail(ErrorCode::Missed,
                    QStringLiteral("it ended while no engine listened: what came of it is not "
                                   "known"));
    (void)release();
    Execution execution = m_execution;
    execution.displays = m_collector.state();
    return execution;
}

}  // namespace celldeck::kernels
