#pragma once

#include <QByteArray>
#include <QHash>
#include <QString>
#include <functional>
#include <memory>

#include "kernels/orphanbuffer.h"

namespace celldeck::kernels {

/// Brings each message of one kernel to whoever made its request, by the exact id of its parent. A
/// message of any other parent goes into that parent's ring.
///
/// Owned by a Kernel. Thread: the engine's. Stopping: nothing to stop; a sink may remove itself, or
/// add others, while it is called.
class MessageRouter final
{
public:
    using Sink = std::function<void(Channel channel, const Message &message)>;

    /// `kernel`: the name under which the rings are kept. Requires: a buffer that outlives it.
    MessageRouter(OrphanBuffer &orphans, QString kernel);

    /// What has come for that parent already is delivered first, in order, before this returns.
    void add(const QByteArray &parent, Sink sink);
    void remove(const QByteArray &parent) { m_sinks.remove(parent); }
    void take(Channel channel, const Message &message);

private:
    OrphanBuffer &m_orphans;
    const QString m_kernel;
    // Shared, so that one that removes itself lives until it returns.
    QHash<QByteArray, std::shared_ptr<const Sink>> m_sinks;
};

}  // namespace celldeck::kernels
