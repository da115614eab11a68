#include "kernels/cellrun.h"

#include "async/background.h"
#include "base/memory.h"

namespace celldeck::kernels {

namespace {

constexpr Milliseconds OutputInterval{1000 / 30};

}  // namespace

CellRun::CellRun(MessageRouter &router)
    : m_router(router), m_shown(OutputInterval, [this] { show(); })
{}

Waiter<Execution> CellRun::begin(PendingExecution execution,
                                 std::function<void(const Json &)> changed)
{
    const QByteArray id = execution.messageId();
    const Waiter<Execution> done;
    m_active.emplace(std::move(execution), std::move(changed), done);
    m_router.add(id, [this](Channel channel, const Message &message) { take(channel, message); });
    return done;
}

void CellRun::setMarker(const QByteArray &messageId, PendingExecution::Heard heard)
{
    dropMarker(m_active->execution.marker());
    m_active->execution.setMarker(messageId, heard);
    m_router.add(messageId,
                 [this](Channel channel, const Message &message) { take(channel, message); });
}

void CellRun::note(const QString &line)
{
    m_active->execution.note(line);
    m_shown.poke();
}

void CellRun::take(Channel channel, const Message &message)
{
    if (!m_active)
        return;
    switch (m_active->execution.take(channel, message)) {
    case PendingExecution::Effect::OutputsChanged:
        m_shown.poke();
        break;
    case PendingExecution::Effect::InputRequested: {
        const InputRequest request = *m_active->execution.input();
        Q_EMIT inputRequested(request);
        break;
    }
    case PendingExecution::Effect::Ended: {
        Active active = stop();
        Q_EMIT ended();
        active.done.resolve(active.execution.result());
        break;
    }
    case PendingExecution::Effect::Foreign:
    case PendingExecution::Effect::None:
        break;
    }
}

CellRun::Active CellRun::stop()
{
    Active active = std::move(*m_active);
    m_active.reset();
    m_router.remove(active.execution.messageId());
    dropMarker(active.execution.marker());
    m_lastOutputs = active.execution.release();
    m_lastSpools = active.execution.spools();
    m_lastCount = active.execution.executionCount();
    m_lastDisplays = active.execution.state();
    return active;
}

void CellRun::dropMarker(const QByteArray &messageId)
{
    if (messageId.isEmpty())
        return;
    m_router.remove(messageId);
    Q_EMIT markerLeft(messageId);
}

Waiter<> CellRun::settled()
{
    return inBackground<void>([spools = std::exchange(m_lastSpools, {})]() -> Result<> {
        for (const auto &spool : spools)
            spool->drain();
        // What a storm of messages took stays with the allocator otherwise.
        giveBackMemory();
        return {};
    });
}

void CellRun::abandon(const Error &why)
{
    if (m_active)
        stop().done.resolve(fail(why));
}

const Json &CellRun::outputs()
{
    return m_active ? m_active->execution.outputs() : *m_lastOutputs;
}

const DisplayState &CellRun::displays() const
{
    return m_active ? m_active->execution.state() : m_lastDisplays;
}

std::optional<std::int64_t> CellRun::executionCount() const
{
    return m_active ? m_active->execution.executionCount() : m_lastCount;
}

void CellRun::forgetLast()
{
    if (m_active)
        return;
    m_lastOutputs = std::make_shared<const Json>(Json::array());
    m_lastDisplays = {};
}

void CellRun::setAsked(const InputRequest &request)
{
    if (m_active->execution.input())
        return;
    m_active->execution.setAsked(request);
    Q_EMIT inputRequested(request);
}

bool CellRun::mayHaveAsked() const
{
    return m_active && m_active->execution.mayHaveAsked();
}

std::optional<InputRequest> CellRun::input() const
{
    return m_active ? m_active->execution.input() : std::nullopt;
}

void CellRun::show()
{
    if (m_active && m_active->changed)
        m_active->changed(m_active->execution.outputs());
}

}  // namespace celldeck::kernels
