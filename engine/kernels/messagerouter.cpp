#include "kernels/messagerouter.h"

namespace celldeck::kernels {

MessageRouter::MessageRouter(OrphanBuffer &orphans, QString kernel)
    : m_orphans(orphans), m_kernel(std::move(kernel))
{}

void MessageRouter::add(const QByteArray &parent, Sink sink)
{
    m_sinks.insert(parent, std::make_shared<const Sink>(std::move(sink)));
    // Through `take`: what is left when the sink has had enough goes back into the ring.
    for (const Arrival &arrival : m_orphans.take(m_kernel, parent))
        take(arrival.channel, arrival.message);
}

void MessageRouter::take(Channel channel, const Message &message)
{
    const std::shared_ptr<const Sink> sink = m_sinks.value(message.parentId());
    if (sink)
        (*sink)(channel, message);
    else
        m_orphans.keep(m_kernel, channel, message);
}

}  // namespace celldeck::kernels
