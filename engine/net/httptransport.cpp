#include "net/httptransport.h"

#include <QUuid>
#include <chrono>

namespace celldeck::net {

namespace {

constexpr size_t MaxClients = 1'000;
constexpr std::chrono::hours MaxIdle{24};
constexpr auto JsonType = "application/json";
constexpr auto SessionHeader = "Mcp-Session-Id";

QByteArray newSessionId()
{
    // Two random UUIDs: 244 random bits, all visible ASCII.
    return QUuid::createUuid().toByteArray(QUuid::Id128) +
           QUuid::createUuid().toByteArray(QUuid::Id128);
}

void refuse(HttpConnection &connection, int status, const QString &why)
{
    connection.respond(status, JsonType,
                       toBytes(mcp::errorResponse(nullptr, mcp::rpc::InvalidRequest, why)));
}

bool accepts(const HttpRequest &request, const QByteArray &type)
{
    const QByteArray accept = request.header("accept").toLower();
    return accept.contains(type) || accept.contains("*/*");
}

}  // namespace

struct HttpTransport::Client
{
    std::unique_ptr<mcp::Session> session;
    QByteArray id;
    std::map<Json, QPointer<HttpConnection>> waiting;  // for the answer to a request
    std::map<Json, bool> streams;                      // which of them are streams of events
    QPointer<HttpConnection> listener;
    std::uint64_t lastUse = 0;
    std::chrono::steady_clock::time_point lastUsed;

    void send(const Json &message, const Json &related)
    {
        const auto found = waiting.find(related);
        if (found == waiting.end()) {
            if (listener)
                listener->sendEvent(toBytes(message));
            return;
        }
        const QPointer<HttpConnection> connection = found->second;
        const bool isStream = streams.at(related);
        const bool isAnswer = celldeck::find(message, "method") == nullptr;
        if (isAnswer) {
            waiting.erase(found);
            streams.erase(related);
        }
        // A client that has gone can ask get_execution_status: the task goes on.
        if (!connection)
            return;
        if (isStream) {
            connection->sendEvent(toBytes(message));
            if (isAnswer)
                connection->endEvents();
        } else if (isAnswer) {
            connection->respond(200, JsonType, toBytes(message), {{SessionHeader, id}});
        }
    }
};

HttpTransport::HttpTransport(const mcp::ToolRegistry &tools, QString version)
    : m_tools(tools), m_version(std::move(version))
{}

HttpTransport::~HttpTransport() = default;

void HttpTransport::handle(HttpConnection &connection, const HttpRequest &request)
{
    const QByteArray revision = request.header("mcp-protocol-version");
    if (!revision.isEmpty() && !mcp::Session::revisions().contains(QString::fromLatin1(revision)))
        return refuse(
            connection, 400,
            QStringLiteral("the protocol version \"%1\" is not known: this server speaks ")
                    .arg(QString::fromLatin1(revision)) +
                mcp::Session::revisions().join(QStringLiteral(", ")));
    if (request.method == "POST")
        return post(connection, request);
    if (request.method == "GET")
        return listen(connection, request);
    if (request.method == "DELETE")
        return end(connection, request);
    connection.respond(405, {}, {}, {{"Allow", "GET, POST, DELETE"}});
}

void HttpTransport::announce(const QString &method, const Json &params)
{
    for (const auto &[id, client] : m_clients)
        client->session->announce(method, params);
}

void HttpTransport::post(HttpConnection &connection, const HttpRequest &request)
{
    if (!accepts(request, "application/json") || !accepts(request, "text/event-stream"))
        return refuse(connection, 406,
                      QStringLiteral("Accept should name application/json and text/event-stream"));
    const auto message = mcp::parseMessage(request.body);
    if (!message)
        return connection.respond(400, JsonType, toBytes(message.error()));
    Client *client = nullptr;
    QByteArray id;
    if (message->kind == mcp::Incoming::Kind::Request &&
        message->method == QLatin1String("initialize"))
        client = &makeClient(id);
    else
        client = find(connection, request);
    if (!client)
        return;
    if (message->kind != mcp::Incoming::Kind::Request) {
        client->session->receive(*message);
        return connection.respond(202, {}, {});
    }
    if (client->waiting.contains(message->id))
        return refuse(connection, 400, QStringLiteral("a request with this id runs already"));
    const bool isStream = message->method == QLatin1String("tools/call");
    client->waiting.emplace(message->id, &connection);
    client->streams.emplace(message->id, isStream);
    if (isStream)
        connection.beginEvents({{SessionHeader, client->id}});
    client->session->receive(*message);
}

void HttpTransport::listen(HttpConnection &connection, const HttpRequest &request)
{
    if (!accepts(request, "text/event-stream"))
        return refuse(connection, 406, QStringLiteral("Accept should name text/event-stream"));
    Client *client = find(connection, request);
    if (!client)
        return;
    if (client->listener)
        return refuse(connection, 400, QStringLiteral("this session has its stream already"));
    client->listener = &connection;
    connection.beginEvents({{SessionHeader, client->id}});
}

void HttpTransport::end(HttpConnection &connection, const HttpRequest &request)
{
    Client *client = find(connection, request);
    if (!client)
        return;
    if (client->listener)
        client->listener->endEvents();
    for (const auto &[id, waiting] : client->waiting) {
        if (waiting && client->streams.at(id))
            waiting->endEvents();
    }
    m_clients.erase(client->id);
    connection.respond(200, {}, {});
}

HttpTransport::Client *HttpTransport::find(HttpConnection &connection, const HttpRequest &request)
{
    const QByteArray id = request.header("mcp-session-id");
    if (id.isEmpty()) {
        refuse(connection, 400, QStringLiteral("Mcp-Session-Id is missing: initialize gives one"));
        return nullptr;
    }
    const auto found = m_clients.find(id);
    if (found == m_clients.end()) {
        refuse(connection, 404, QStringLiteral("the session has ended: initialize a new one"));
        return nullptr;
    }
    found->second->lastUse = ++m_uses;
    found->second->lastUsed = std::chrono::steady_clock::now();
    return found->second.get();
}

HttpTransport::Client &HttpTransport::makeClient(QByteArray &id)
{
    dropIdle();
    id = newSessionId();
    auto client = std::make_unique<Client>();
    Client *raw = client.get();
    raw->id = id;
    raw->lastUse = ++m_uses;
    raw->lastUsed = std::chrono::steady_clock::now();
    raw->session = std::make_unique<mcp::Session>(
        m_tools, m_version,
        [raw](const Json &message, const Json &related) { raw->send(message, related); });
    return *m_clients.emplace(id, std::move(client)).first->second;
}

void HttpTransport::dropIdle()
{
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(m_clients, [now](const auto &entry) {
        const Client &client = *entry.second;
        return client.waiting.empty() && !client.listener && now - client.lastUsed > MaxIdle;
    });
    if (m_clients.size() < MaxClients)
        return;
    m_clients.erase(std::ranges::min_element(
        m_clients, {}, [](const auto &entry) { return entry.second->lastUse; }));
}

}  // namespace celldeck::net
