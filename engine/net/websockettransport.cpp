#include "net/websockettransport.h"

#include <QUrlQuery>
#include <QWebSocket>

#include "net/outbox.h"

namespace celldeck::net {

namespace {

constexpr quint64 MaxMessageBytes = 16ULL * 1024 * 1024;
const QString Subprotocol = QStringLiteral("mcp");

QByteArray tokenOf(const QWebSocket &socket)
{
    QByteArray bearer = bearerToken(socket.request().rawHeader("Authorization"));
    if (!bearer.isEmpty())
        return bearer;
    return QUrlQuery(socket.requestUrl()).queryItemValue(QStringLiteral("token")).toLatin1();
}

void refuse(QWebSocket *socket, QWebSocketProtocol::CloseCode code, const QString &why)
{
    // Once the server has done with the handshake: it goes on reading after it has announced.
    QMetaObject::invokeMethod(
        socket, [socket, code, why] { socket->close(code, why); }, Qt::QueuedConnection);
}

}  // namespace

struct WebSocketTransport::Client
{
    Client(QWebSocket *of, const mcp::ToolRegistry &tools, const QString &version)
        : socket(of),
          outbox({[of] { return of->bytesToWrite(); },
                  [of](const QByteArray &text) { of->sendTextMessage(QString::fromUtf8(text)); }}),
          session(tools, version, [this](const Json &message, const Json &) { send(message); })
    {}

    void send(const Json &message)
    {
        if (outbox.push(toBytes(message)))
            return;
        qWarning("a client that does not read was cut off: more than %lld bytes wait for it",
                 static_cast<long long>(OutboxLimit));
        // Not from here: with its socket this client goes, and whoever called is its own session.
        QMetaObject::invokeMethod(socket, &QWebSocket::abort, Qt::QueuedConnection);
    }

    QWebSocket *socket;
    Outbox outbox;
    mcp::Session session;
};

WebSocketTransport::WebSocketTransport(const mcp::ToolRegistry &tools, QString version,
                                       AccessRules rules)
    : m_tools(tools),
      m_version(std::move(version)),
      m_rules(std::move(rules)),
      m_server(QStringLiteral("celldeck"), QWebSocketServer::NonSecureMode)
{
    m_server.setSupportedSubprotocols({Subprotocol});
    connect(&m_server, &QWebSocketServer::newConnection, this, [this] {
        while (QWebSocket *socket = m_server.nextPendingConnection())
            greet(socket);
    });
}

WebSocketTransport::~WebSocketTransport()
{
    close();
}

void WebSocketTransport::take(QTcpSocket *socket)
{
    m_server.handleConnection(socket);
    // Its handshake has come already: nobody else would tell the server so.
    Q_EMIT socket->readyRead();
}

void WebSocketTransport::greet(QWebSocket *socket)
{
    socket->setParent(this);
    socket->setMaxAllowedIncomingMessageSize(MaxMessageBytes);
    connect(socket, &QWebSocket::disconnected, this, [this, socket] {
        m_clients.erase(socket);
        socket->deleteLater();
    });
    if (!isTokenRight(m_rules, tokenOf(*socket)))
        return refuse(socket, QWebSocketProtocol::CloseCodePolicyViolated,
                      QStringLiteral("the token is missing or wrong"));
    if (socket->subprotocol() != Subprotocol)
        return refuse(socket, QWebSocketProtocol::CloseCodeProtocolError,
                      QStringLiteral("ask for the subprotocol mcp"));
    Client *client = m_clients.emplace(socket, std::make_unique<Client>(socket, m_tools, m_version))
                         .first->second.get();
    connect(socket, &QWebSocket::textMessageReceived, this,
            [this, client](const QString &text) { receive(*client, text); });
    connect(socket, &QWebSocket::bytesWritten, this, [client] { client->outbox.pump(); });
}

void WebSocketTransport::receive(Client &client, const QString &text)
{
    const auto message = mcp::parseMessage(text.toUtf8());
    if (message)
        client.session.receive(*message);
    else
        client.send(message.error());
}

void WebSocketTransport::announce(const QString &method, const Json &params)
{
    for (const auto &[socket, client] : m_clients)
        client->session.announce(method, params);
}

void WebSocketTransport::close()
{
    for (const auto &[socket, client] : std::exchange(m_clients, {})) {
        socket->disconnect(this);
        socket->close(QWebSocketProtocol::CloseCodeGoingAway, QStringLiteral("the server stops"));
        socket->deleteLater();
    }
}

}  // namespace celldeck::net
