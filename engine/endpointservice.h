#pragma once

#include "async/taskscope.h"
#include "net/endpoint.h"
#include "tools/services.h"

namespace celldeck {

/// What the endpoint offers besides the tools: the files of assets, and news for all clients.
///
/// Owned by the engine, beside the endpoint. Thread: the engine's. Stopping: with its owner.
class EndpointService final : public QObject
{
    Q_OBJECT

public:
    explicit EndpointService(const tools::Services &services);

    /// An asset's file, leased anew: somebody looks at it. Fails with NotFound, OutsideWorkspace,
    /// TooLarge or Io.
    [[nodiscard]] Waiter<net::AssetContent> asset(const QString &id);
    /// From now on the endpoint's clients hear of what happens. Requires: it outlives this.
    void announceTo(net::Endpoint &endpoint);

private:
    QCoro::Task<> read(QString id, Waiter<net::AssetContent> done);

    const tools::Services &m_services;
    TaskScope m_scope;
};

}  // namespace celldeck
