#include "net/endpoint.h"

#include <QElapsedTimer>
#include <QHostAddress>
#include <QPointer>
#include <QTcpServer>

#include "async/taskscope.h"
#include "net/access.h"
#include "net/httpconnection.h"
#include "net/httptransport.h"
#include "net/websockettransport.h"

namespace celldeck::net {

namespace {

constexpr int MaxConnections = 1'000;
constexpr QLatin1String AssetPath("/assets/");

void refuse(HttpConnection &connection, int status, const char *why,
            const QList<std::pair<QByteArray, QByteArray>> &headers = {})
{
    connection.respond(status, "application/json", toBytes(Json{{"error", why}}), headers);
}

}  // namespace

struct Endpoint::Private
{
    Private(const mcp::ToolRegistry &tools, EndpointOptions given)
        : options(std::move(given)),
          rules{options.token, options.allowedHosts},
          http(tools, options.version),
          webSocket(tools, options.version, rules)
    {
        uptime.start();
    }

    void accept();
    void route(HttpConnection &connection, const HttpRequest &request);
    void upgrade(QTcpSocket *socket, const HttpRequest &request);
    void health(HttpConnection &connection) const;
    QCoro::Task<> sendAsset(QPointer<HttpConnection> connection, QString id, QByteArray known);

    const EndpointOptions options;
    const AccessRules rules;
    QElapsedTimer uptime;
    HttpTransport http;
    WebSocketTransport webSocket;
    int connections = 0;
    // Its end closes the connections, which tell the rest.
    QTcpServer server;
    TaskScope scope;
};

Endpoint::Endpoint(const mcp::ToolRegistry &tools, EndpointOptions options)
    : d(std::make_unique<Private>(tools, std::move(options)))
{
    connect(&d->server, &QTcpServer::newConnection, this, [this] { d->accept(); });
}

Endpoint::~Endpoint()
{
    stop();
}

Result<> Endpoint::start()
{
    QHostAddress address;
    if (!address.setAddress(d->options.host == QLatin1String("localhost")
                                ? QStringLiteral("127.0.0.1")
                                : d->options.host))
        return fail(ErrorCode::Io, QStringLiteral("\"%1\" is no address of this machine: try "
                                                  "127.0.0.1")
                                       .arg(d->options.host));
    if (!address.isLoopback())
        return fail(ErrorCode::Io,
                    QStringLiteral("%1 is not a loopback address: over the network Celldeck would "
                                   "need TLS, which it does not offer yet")
                        .arg(d->options.host));
    if (!d->server.listen(address, d->options.port))
        return fail(
            ErrorCode::Io,
            QStringLiteral("%1:%2 cannot be opened (%3): choose another port with --port (0 = any "
                           "free one), or end what uses it")
                .arg(d->options.host)
                .arg(d->options.port)
                .arg(d->server.errorString()));
    return {};
}

void Endpoint::stop()
{
    d->server.close();
    d->webSocket.close();
    for (QTcpSocket *socket : d->server.findChildren<QTcpSocket *>())
        socket->abort();
}

quint16 Endpoint::port() const
{
    return d->server.serverPort();
}

QString Endpoint::url() const
{
    return QStringLiteral("http://%1:%2/mcp").arg(d->options.host).arg(port());
}

void Endpoint::Private::accept()
{
    while (QTcpSocket *socket = server.nextPendingConnection()) {
        if (connections >= MaxConnections) {
            socket->write(
                "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n"
                "Content-Length: 0\r\n\r\n");
            socket->disconnectFromHost();
            QObject::connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
            continue;
        }
        ++connections;
        QObject::connect(socket, &QObject::destroyed, &server, [this] { --connections; });
        auto *connection = new HttpConnection(socket, {}, &server);
        QObject::connect(
            connection, &HttpConnection::requested, &server,
            [this, connection](const HttpRequest &request) { route(*connection, request); });
        QObject::connect(
            connection, &HttpConnection::upgradeRequested, &server,
            [this](QTcpSocket *raw, const HttpRequest &request) { upgrade(raw, request); });
    }
}

void Endpoint::Private::route(HttpConnection &connection, const HttpRequest &request)
{
    if (!isHostAllowed(rules, request.header("host")) ||
        !isOriginAllowed(rules, request.header("origin")))
        return refuse(connection, 403, "this Host or Origin is not allowed");
    const QString path = request.target.path();
    if (path == QLatin1String("/health")) {
        if (request.method != "GET")
            return refuse(connection, 405, "use GET", {{"Allow", "GET"}});
        return health(connection);
    }
    const bool isAsset = path.startsWith(AssetPath) && options.asset;
    if (path != QLatin1String("/mcp") && !isAsset)
        return refuse(connection, 404, "there is /mcp, /ws, /assets/{id} and /health");
    if (!isTokenRight(rules, bearerToken(request.header("authorization"))))
        return refuse(connection, 401, "the token is missing or wrong",
                      {{"WWW-Authenticate", "Bearer"}});
    if (isAsset && request.method != "GET")
        return refuse(connection, 405, "use GET", {{"Allow", "GET"}});
    if (isAsset) {
        scope.start(
            sendAsset(&connection, path.mid(AssetPath.size()), request.header("if-none-match")));
        return;
    }
    http.handle(connection, request);
}

QCoro::Task<> Endpoint::Private::sendAsset(QPointer<HttpConnection> connection, QString id,
                                           QByteArray known)
{
    const auto reading = options.asset(id);
    const Result<AssetContent> content = co_await reading.wait(scope);
    if (!connection)
        co_return;
    if (!content) {
        const ErrorCode code = content.error().code;
        const int status = code == ErrorCode::TooLarge           ? 413
                           : code == ErrorCode::OutsideWorkspace ? 403
                           : code == ErrorCode::NotFound         ? 404
                                                                 : 500;
        refuse(*connection, status, qUtf8Printable(content.error().message));
        co_return;
    }
    // Its name is its content. What a cell has put out must not run as a page of this server.
    const QByteArray tag = '"' + id.section(QLatin1Char('.'), 0, 0).toLatin1() + '"';
    const QList<std::pair<QByteArray, QByteArray>> headers{{"ETag", tag},
                                                           {"Content-Security-Policy", "sandbox"},
                                                           {"X-Content-Type-Options", "nosniff"}};
    const bool isKnown = known == tag;
    connection->respond(isKnown ? 304 : 200, content->type, isKnown ? QByteArray() : content->bytes,
                        headers);
}

void Endpoint::announce(const QString &method, const Json &params)
{
    d->http.announce(method, params);
    d->webSocket.announce(method, params);
}

void Endpoint::Private::upgrade(QTcpSocket *socket, const HttpRequest &request)
{
    const bool allowed = isHostAllowed(rules, request.header("host")) &&
                         isOriginAllowed(rules, request.header("origin"));
    if (allowed && request.target.path() == QLatin1String("/ws"))
        return webSocket.take(socket);
    QObject::connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    socket->write(allowed ? "HTTP/1.1 404 Not Found\r\n" : "HTTP/1.1 403 Forbidden\r\n");
    socket->write("Connection: close\r\nContent-Length: 0\r\n\r\n");
    socket->disconnectFromHost();
}

void Endpoint::Private::health(HttpConnection &connection) const
{
    const bool ready = !options.acceptsTasks || options.acceptsTasks();
    connection.respond(ready ? 200 : 503, "application/json",
                       toBytes(Json{{"status", ready ? "ok" : "unavailable"},
                                    {"version", options.version},
                                    {"uptime_s", uptime.elapsed() / 1000}}));
}

}  // namespace celldeck::net
