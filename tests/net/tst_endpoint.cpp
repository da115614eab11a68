#include <QTcpSocket>
#include <QtTest>

#include "mcp/toolregistry.h"
#include "net/endpoint.h"

using namespace celldeck;
using namespace celldeck::net;

namespace {

const char *const Initialize =
    R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})";

QCoro::Task<Result<mcp::ToolResult>> bigAnswer()
{
    mcp::ToolResult result;
    result.text = QString(20'000'000, QLatin1Char('x'));
    co_return result;
}

QByteArray post(const QByteArray &body, const QByteArray &headers = {})
{
    return "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n"
           "Accept: application/json, text/event-stream\r\n" +
           headers + "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

/// Bytes on a real socket, well formed and not.
class TestEndpoint : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();

    void statuses_data();
    void statuses();
    void aRequestMayComeByteByByte();
    void severalRequestsOnOneConnection();
    void aWebSocketWithoutTokenIsClosed();
    void endOfASession();
    void aClientThatGoesAwayHarmsNobody();
    void aBigAnswerArrivesWhole();

private:
    std::unique_ptr<QTcpSocket> connected()
    {
        auto socket = std::make_unique<QTcpSocket>();
        socket->connectToHost(QStringLiteral("127.0.0.1"), m_endpoint->port());
        return socket;
    }
    /// Sends, and returns all that came until `end` was in it or the server closed.
    QByteArray exchange(const QByteArray &bytes, const QByteArray &end = "\r\n\r\n")
    {
        const auto socket = connected();
        socket->write(bytes);
        QByteArray got;
        const bool came = QTest::qWaitFor(
            [&] {
                got += socket->readAll();
                return got.contains(end) || socket->state() == QTcpSocket::UnconnectedState;
            },
            30'000);
        return came ? got : QByteArray("nothing came");
    }

    mcp::ToolRegistry m_tools;
    std::unique_ptr<Endpoint> m_endpoint;
};

void TestEndpoint::init()
{
    m_tools.add({.name = QStringLiteral("big"),
                 .inputSchema = {{"type", "object"}},
                 .outputSchema = {{"type", "object"}},
                 .call = [](const Json &, const mcp::CallContext &) { return bigAnswer(); }});
    EndpointOptions options;
    options.port = 0;
    options.token = "secret";
    options.version = QStringLiteral("1");
    m_endpoint = std::make_unique<Endpoint>(m_tools, options);
    QVERIFY(m_endpoint->start());
}

void TestEndpoint::statuses_data()
{
    QTest::addColumn<QByteArray>("request");
    QTest::addColumn<int>("status");
    const auto row = [](const char *name, const QByteArray &request, int status) {
        QTest::newRow(name) << request << status;
    };
    const QByteArray local = "Host: localhost\r\n";
    const QByteArray token = "Authorization: Bearer secret\r\n";
    row("health", "GET /health HTTP/1.1\r\n" + local + "\r\n", 200);
    row("health by POST", "POST /health HTTP/1.1\r\n" + local + "Content-Length: 0\r\n\r\n", 405);
    row("no such path", "GET /x HTTP/1.1\r\n" + local + token + "\r\n", 404);
    row("no host", "GET /health HTTP/1.1\r\n\r\n", 403);
    row("a strange host", "GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403);
    row("a strange origin",
        "GET /health HTTP/1.1\r\n" + local + "Origin: https://evil.example\r\n\r\n", 403);
    row("no token", "GET /mcp HTTP/1.1\r\n" + local + "\r\n", 401);
    row("a wrong token", "GET /mcp HTTP/1.1\r\n" + local + "Authorization: Bearer wrong!\r\n\r\n",
        401);
    row("initialize", post(Initialize), 200);
    row("no JSON", post("{"), 400);
    row("a batch", post("[]"), 400);
    row("no session", post(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"), 400);
    row("a session that is gone",
        post(R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})", "Mcp-Session-Id: x\r\n"), 404);
    row("an unknown revision", post(Initialize, "MCP-Protocol-Version: 1999-01-01\r\n"), 400);
    row("does not accept events", QByteArray(post(Initialize)).replace(", text/event-stream", ""),
        406);
    row("PUT", "PUT /mcp HTTP/1.1\r\n" + local + token + "Content-Length: 0\r\n\r\n", 405);
    row("no HTTP", "hello there\r\n\r\n", 400);
    row("a header without a colon", "GET /health HTTP/1.1\r\nHost\r\n\r\n", 400);
    row("two hosts", "GET /health HTTP/1.1\r\n" + local + local + "\r\n", 400);
    row("two lengths",
        "POST /mcp HTTP/1.1\r\n" + local + token + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400);
    row("a negative length",
        "POST /mcp HTTP/1.1\r\n" + local + token + "Content-Length: -1\r\n\r\n", 400);
    row("a body too long",
        "POST /mcp HTTP/1.1\r\n" + local + token + "Content-Length: 99999999999\r\n\r\n", 413);
    row("a head too long",
        "GET /health HTTP/1.1\r\n" + local + "X: " + QByteArray(100'000, 'x') + "\r\n\r\n", 431);
    row("no end of the head", QByteArray(100'000, 'x'), 431);
}

void TestEndpoint::statuses()
{
    QFETCH(const QByteArray, request);
    QFETCH(const int, status);
    const QByteArray answer = exchange(request);
    QCOMPARE(answer.left(12), "HTTP/1.1 " + QByteArray::number(status));
    // Whoever came before, the next one is served.
    QVERIFY(exchange("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", "}")
                .contains(R"("status":"ok")"));
}

void TestEndpoint::aRequestMayComeByteByByte()
{
    const auto socket = connected();
    QTRY_COMPARE(socket->state(), QTcpSocket::ConnectedState);
    const QByteArray request = post(Initialize);
    for (const char byte : request) {
        socket->write(&byte, 1);
        socket->flush();
        QCoreApplication::processEvents();
    }
    QByteArray got;
    QTRY_VERIFY((got += socket->readAll()).contains("protocolVersion"));
    QVERIFY(got.toLower().contains("mcp-session-id:"));
}

void TestEndpoint::severalRequestsOnOneConnection()
{
    const QByteArray health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const auto socket = connected();
    socket->write(health + health + health);
    QByteArray got;
    QTRY_VERIFY((got += socket->readAll()).count("HTTP/1.1 200") == 3);
}

void TestEndpoint::aWebSocketWithoutTokenIsClosed()
{
    const QByteArray upgrade =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: mcp\r\n\r\n";
    // 0x88: close, with the code 1008 in its first two bytes.
    const QByteArray answer =
        exchange("GET /ws HTTP/1.1\r\nHost: localhost\r\n" + upgrade, "\x03\xf0");
    QVERIFY(answer.startsWith("HTTP/1.1 101"));
    QVERIFY(answer.contains("\x03\xf0"));
    QVERIFY(exchange("GET /ws HTTP/1.1\r\nHost: evil.example\r\n" + upgrade)
                .startsWith("HTTP/1.1 403"));
    QVERIFY(exchange("GET /other HTTP/1.1\r\nHost: localhost\r\n" + upgrade)
                .startsWith("HTTP/1.1 404"));
}

void TestEndpoint::endOfASession()
{
    const QByteArray answer = exchange(post(Initialize), "serverInfo").toLower();
    const qsizetype at = answer.indexOf("mcp-session-id:") + 15;
    const QByteArray id = answer.mid(at, answer.indexOf("\r\n", at) - at).trimmed();
    const QByteArray session = "Mcp-Session-Id: " + id + "\r\n";
    const QByteArray ping = post(R"({"jsonrpc":"2.0","id":2,"method":"ping"})", session);
    QVERIFY(exchange(ping).startsWith("HTTP/1.1 200"));
    QVERIFY(exchange("DELETE /mcp HTTP/1.1\r\nHost: localhost\r\n"
                     "Authorization: Bearer secret\r\n" +
                     session + "\r\n")
                .startsWith("HTTP/1.1 200"));
    QVERIFY(exchange(ping).startsWith("HTTP/1.1 404"));
}

void TestEndpoint::aClientThatGoesAwayHarmsNobody()
{
    for (const QByteArray &bytes :
         {post(Initialize), post(Initialize).chopped(5), QByteArray("GET /health"), QByteArray()}) {
        const auto socket = connected();
        QTRY_COMPARE(socket->state(), QTcpSocket::ConnectedState);
        socket->write(bytes);
        socket->flush();
        socket->abort();
        QVERIFY(exchange("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").contains(" 200 "));
    }
}

void TestEndpoint::aBigAnswerArrivesWhole()
{
    const QByteArray answer = exchange(post(Initialize), "serverInfo").toLower();
    const qsizetype at = answer.indexOf("mcp-session-id:") + 15;
    const QByteArray id = answer.mid(at, answer.indexOf("\r\n", at) - at).trimmed();
    const QByteArray got =
        exchange(post(R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"big"}})",
                      "Mcp-Session-Id: " + id + "\r\n"),
                 "structuredContent");
    QVERIFY(got.count('x') >= 20'000'000);
}

QTEST_GUILESS_MAIN(TestEndpoint)
#include "tst_endpoint.moc"
