#pragma once

#include <QObject>
#include <QWebSocketServer>
#include <map>
#include <memory>

#include "mcp/session.h"
#include "net/access.h"

namespace celldeck::net {

/// MCP over WebSocket, subprotocol `mcp`: one session a socket.
///
/// Owned by the Endpoint. Thread: the engine's. Stopping: `close()`; sessions end, tasks go on.
class WebSocketTransport final : public QObject
{
    Q_OBJECT

public:
    WebSocketTransport(const mcp::ToolRegistry &tools, QString version, AccessRules rules);
    ~WebSocketTransport() override;

    /// A socket with a WebSocket handshake in it; takes it over.
    void take(QTcpSocket *socket);
    void close();
    /// To all clients.
    void announce(const QString &method, const Json &params);

private:
    struct Client;
    void greet(QWebSocket *socket);
    void receive(Client &client, const QString &text);

    const mcp::ToolRegistry &m_tools;
    const QString m_version;
    const AccessRules m_rules;
    QWebSocketServer m_server;
    std::map<QWebSocket *, std::unique_ptr<Client>> m_clients;
};

}  // namespace celldeck::net
