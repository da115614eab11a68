#pragma once

#include <QObject>
#include <QStringList>
#include <functional>
#include <memory>

#include "async/waiter.h"
#include "base/json.h"
#include "base/result.h"

namespace celldeck::mcp {
class ToolRegistry;
}

namespace celldeck::net {

/// A file, as it is sent.
struct AssetContent
{
    QByteArray bytes;
    QByteArray type;  ///< its MIME type
};

struct EndpointOptions
{
    QString host = QStringLiteral("127.0.0.1");
    quint16 port = 8431;  ///< 0: any free one
    QByteArray token;
    QStringList allowedHosts;  ///< In Host and Origin, besides the local names
    QString version;
    std::function<bool()> acceptsTasks;  ///< For /health
    /// For /assets/{id}. Fails with NotFound, OutsideWorkspace, TooLarge or Io.
    std::function<Waiter<AssetContent>(const QString &id)> asset;
};

/// The one port: MCP over HTTP at /mcp and over WebSocket at /ws, /assets/{id}, /health. Checks
/// Host, Origin and token before anything else sees a request.
///
/// Owned by the engine. Thread: the engine's. Stopping: `stop()` closes the port and all
/// connections; tasks go on.
class Endpoint final : public QObject
{
    Q_OBJECT

public:
    Endpoint(const mcp::ToolRegistry &tools, EndpointOptions options);
    ~Endpoint() override;

    /// Fails with Io: the port is taken, or the host is not of this machine.
    [[nodiscard]] Result<> start();
    void stop();

    /// A notification to every client that can be reached, with a `seq` of each client's own: one
    /// that has no stream open sees the gap when it has.
    void announce(const QString &method, const Json &params);

    [[nodiscard]] quint16 port() const;
    /// e.g. http://127.0.0.1:8431/mcp
    [[nodiscard]] QString url() const;

private:
    struct Private;
    std::unique_ptr<Private> d;
};

}  // namespace celldeck::net
