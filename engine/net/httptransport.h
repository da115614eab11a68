#pragma once

#include <QPointer>
#include <QTimer>
#include <map>
#include <memory>

#include "mcp/session.h"
#include "net/httpconnection.h"

namespace celldeck::net {

/// MCP over Streamable HTTP (revision 2025-11-25): sessions by their header, a stream of events for
/// each tool call, one more for what belongs to no request. A client that goes away ends its stream
/// and nothing else.
///
/// Owned by the Endpoint. Thread: the engine's. Stopping: with its owner; sessions end.
class HttpTransport final
{
public:
    HttpTransport(const mcp::ToolRegistry &tools, QString version);
    ~HttpTransport();

    /// Answers a request for /mcp that has passed the access checks.
    void handle(HttpConnection &connection, const HttpRequest &request);
    /// To all sessions; those that have no stream open miss it.
    void announce(const QString &method, const Json &params);

private:
    struct Client;

    void post(HttpConnection &connection, const HttpRequest &request);
    void listen(HttpConnection &connection, const HttpRequest &request);
    void end(HttpConnection &connection, const HttpRequest &request);
    [[nodiscard]] Client *find(HttpConnection &connection, const HttpRequest &request);
    [[nodiscard]] Client &makeClient(QByteArray &id);
    void dropIdle();

    const mcp::ToolRegistry &m_tools;
    const QString m_version;
    std::map<QByteArray, std::unique_ptr<Client>> m_clients;
    std::uint64_t m_uses = 0;
};

}  // namespace celldeck::net
