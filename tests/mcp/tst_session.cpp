#include <QtTest>

#include "async/waiter.h"
#include "mcp/session.h"

using namespace celldeck;
using namespace celldeck::mcp;

namespace {

Json parsed(const char *text)
{
    return Json::parse(text);
}

QCoro::Task<Result<ToolResult>> waitFor(Waiter<> gate, CallContext context)
{
    if (context.progress)
        context.progress(1, 2, QStringLiteral("half"));
    const Result<> opened = co_await gate.wait(*context.scope);
    if (!opened)
        co_return fail(opened.error());
    ToolResult result;
    result.structured = {{"opened", true}};
    result.text = QStringLiteral("open");
    co_return result;
}

QCoro::Task<Result<ToolResult>> refuse()
{
    co_return fail(ErrorCode::NotFound, QStringLiteral("there is no such thing"));
}

}  // namespace

/// What the protocol says to a client, message for message; no socket.
class TestSession : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void cleanup() { m_session.reset(); }

    void textsThatAreNoMessage_data();
    void textsThatAreNoMessage();
    void revisions_data();
    void revisions();
    void initializeComesFirstAndOnce();
    void unknownMethodsAndTools();
    void toolsAreListedWithTheirHints();
    void badArgumentsAreNamed_data();
    void badArgumentsAreNamed();
    void aFailedToolTellsItsCode();
    void callsOverlap();
    void progressComesWithItsToken();
    void aCancelledCallGetsNoAnswer();
    void theEndOfASessionEndsItsCalls();

private:
    void send(const Json &message)
    {
        const auto incoming = parseMessage(toBytes(message));
        QVERIFY(incoming);
        m_session->receive(*incoming);
    }
    void request(const Json &id, const char *method, const Json &params = Json::object())
    {
        send({{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}});
    }
    void call(const Json &id, const char *tool, const Json &arguments,
              const Json &meta = Json::object())
    {
        request(id, "tools/call", {{"name", tool}, {"arguments", arguments}, {"_meta", meta}});
    }
    void initialize()
    {
        request(0, "initialize", {{"protocolVersion", "2025-11-25"}});
        m_sent.clear();
    }
    QVector<int> errorCodes() const
    {
        QVector<int> codes;
        for (const Json &message : m_sent)
            codes << (message.contains("error") ? message["error"]["code"].get<int>() : 0);
        return codes;
    }

    std::unique_ptr<ToolRegistry> m_tools;
    std::unique_ptr<Session> m_session;
    std::vector<Json> m_sent;
    Waiter<> m_gate;
};

void TestSession::init()
{
    m_tools = std::make_unique<ToolRegistry>();
    m_gate = Waiter<>();
    m_sent.clear();
    m_tools->add({.name = QStringLiteral("wait"),
                  .title = QStringLiteral("Wait"),
                  .inputSchema = parsed(R"({"type": "object", "additionalProperties": false,
                      "properties": {"n": {"type": "integer", "minimum": 1},
                                     "mode": {"enum": ["a", "b"]}},
                      "required": ["n"]})"),
                  .outputSchema = parsed(R"({"type": "object"})"),
                  .readOnly = true,
                  .call = [this](const Json &, CallContext context) {
                      return waitFor(m_gate, std::move(context));
                  }});
    m_tools->add({.name = QStringLiteral("refuse"),
                  .inputSchema = parsed(R"({"type": "object"})"),
                  .outputSchema = parsed(R"({"type": "object"})"),
                  .destructive = true,
                  .call = [](const Json &, const CallContext &) { return refuse(); }});
    m_session = std::make_unique<Session>(
        *m_tools, QStringLiteral("9.9"),
        [this](const Json &message, const Json &) { m_sent.push_back(message); });
}

void TestSession::textsThatAreNoMessage_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<int>("code");
    const auto row = [](const char *text, int code) {
        QTest::newRow(text) << QByteArray(text) << code;
    };
    row("", rpc::ParseError);
    row("{", rpc::ParseError);
    row("[]", rpc::InvalidRequest);
    row("1", rpc::InvalidRequest);
    row(R"({"id": 1, "method": "ping"})", rpc::InvalidRequest);
    row(R"({"jsonrpc": "1.0", "id": 1, "method": "ping"})", rpc::InvalidRequest);
    row(R"({"jsonrpc": "2.0", "id": null, "method": "ping"})", rpc::InvalidRequest);
    row(R"({"jsonrpc": "2.0", "id": {}, "method": "ping"})", rpc::InvalidRequest);
    row(R"({"jsonrpc": "2.0", "id": 1, "method": 7})", rpc::InvalidRequest);
    row(R"({"jsonrpc": "2.0", "id": 1})", rpc::InvalidRequest);
}

void TestSession::textsThatAreNoMessage()
{
    QFETCH(const QByteArray, text);
    QFETCH(const int, code);
    const auto message = parseMessage(text);
    QVERIFY(!message);
    QCOMPARE(message.error()["error"]["code"].get<int>(), code);
}

void TestSession::revisions_data()
{
    QTest::addColumn<QString>("asked");
    QTest::addColumn<QString>("given");
    for (const QString &revision : Session::revisions())
        QTest::newRow(qPrintable(revision)) << revision << revision;
    QTest::newRow("of the future") << QStringLiteral("2031-01-01") << Session::revisions().first();
    QTest::newRow("none") << QString() << Session::revisions().first();
}

void TestSession::revisions()
{
    QFETCH(const QString, asked);
    QFETCH(const QString, given);
    request("x", "initialize", {{"protocolVersion", asked}});
    const Json result = m_sent.at(0)["result"];
    QCOMPARE(m_sent.at(0)["id"], Json("x"));
    QCOMPARE(textOf(result, "protocolVersion"), given);
    QCOMPARE(textOf(result["serverInfo"], "version"), QStringLiteral("9.9"));
    QVERIFY(result["capabilities"].contains("tools"));
}

void TestSession::initializeComesFirstAndOnce()
{
    request(1, "ping");
    request(2, "tools/list");
    request(3, "initialize");
    request(4, "initialize");
    QCOMPARE(errorCodes(), (QVector<int>{0, rpc::InvalidRequest, 0, rpc::InvalidRequest}));
}

void TestSession::unknownMethodsAndTools()
{
    initialize();
    request(1, "tools/fly");
    call(2, "fly", Json::object());
    request(3, "tools/call", {{"name", "wait"}, {"arguments", Json::array()}});
    request(4, "logging/setLevel", {{"level", "loud"}});
    send({{"jsonrpc", "2.0"}, {"method", "notifications/unheard-of"}});
    QCOMPARE(errorCodes(), (QVector<int>{rpc::MethodNotFound, rpc::InvalidParams,
                                         rpc::InvalidParams, rpc::InvalidParams}));
}

void TestSession::toolsAreListedWithTheirHints()
{
    initialize();
    request(1, "tools/list");
    const Json tools = m_sent.at(0)["result"]["tools"];
    QCOMPARE(tools.size(), size_t{2});
    QCOMPARE(tools[0]["name"], Json("refuse"));
    QCOMPARE(tools[0]["annotations"]["destructiveHint"], Json(true));
    QCOMPARE(tools[1]["annotations"]["readOnlyHint"], Json(true));
    QCOMPARE(tools[1]["inputSchema"]["required"], Json::array({"n"}));
}

void TestSession::badArgumentsAreNamed_data()
{
    QTest::addColumn<QByteArray>("arguments");
    QTest::addColumn<QByteArrayList>("words");
    const auto row = [](const char *name, const char *arguments, const QByteArrayList &words) {
        QTest::newRow(name) << QByteArray(arguments) << words;
    };
    row("missing", "{}", {"n"});
    row("wrong type", R"({"n": "one"})", {"n", "one", "integer"});
    row("too small", R"({"n": 0})", {"n", "0", "1"});
    row("not of the enum", R"({"n": 1, "mode": "c"})", {"mode", "c"});
    row("unknown", R"({"n": 1, "m": 2})", {"no argument m", "mode, n"});
}

void TestSession::badArgumentsAreNamed()
{
    QFETCH(const QByteArray, arguments);
    QFETCH(const QByteArrayList, words);
    initialize();
    call(1, "wait", Json::parse(arguments.toStdString()));
    const Json result = m_sent.at(0)["result"];
    QCOMPARE(result["isError"], Json(true));
    QVERIFY(!result.contains("structuredContent"));
    const QString text = textOf(result["content"][0], "text");
    for (const QByteArray &word : words)
        QVERIFY2(text.contains(QString::fromUtf8(word)), qPrintable(text));
}

void TestSession::aFailedToolTellsItsCode()
{
    initialize();
    call(1, "refuse", Json::object());
    const Json result = m_sent.at(0)["result"];
    QCOMPARE(result["isError"], Json(true));
    QCOMPARE(result["_meta"]["celldeck/error"]["code"], Json("not_found"));
    QCOMPARE(textOf(result["content"][0], "text"),
             QStringLiteral("not_found: there is no such thing"));
}

void TestSession::callsOverlap()
{
    initialize();
    call("a", "wait", {{"n", 1}});
    call("b", "wait", {{"n", 2}});
    request("c", "ping");
    QCOMPARE(m_sent.size(), size_t{1});
    call("a", "wait", {{"n", 3}});  // That id runs already.
    QCOMPARE(errorCodes(), (QVector<int>{0, rpc::InvalidRequest}));
    m_gate.resolve({});
    QTRY_COMPARE(m_sent.size(), size_t{4});
    QCOMPARE(m_sent[2]["id"], Json("a"));
    QCOMPARE(m_sent[3]["result"]["structuredContent"], Json({{"opened", true}}));
}

void TestSession::progressComesWithItsToken()
{
    initialize();
    call(1, "wait", {{"n", 1}}, {{"progressToken", "t"}});
    const Json params = m_sent.at(0)["params"];
    QCOMPARE(m_sent[0]["method"], Json("notifications/progress"));
    QCOMPARE(params["progressToken"], Json("t"));
    QCOMPARE(params["message"], Json("half"));
}

void TestSession::aCancelledCallGetsNoAnswer()
{
    initialize();
    call(1, "wait", {{"n", 1}});
    send({{"jsonrpc", "2.0"},
          {"method", "notifications/cancelled"},
          {"params", {{"requestId", 1}}}});
    m_gate.resolve({});
    request(2, "ping");
    call(1, "wait", {{"n", 1}});  // The id is free again.
    QTRY_COMPARE(m_sent.size(), size_t{2});
    QCOMPARE(m_sent[0]["id"], Json(2));
    QCOMPARE(m_sent[1]["id"], Json(1));
}

void TestSession::theEndOfASessionEndsItsCalls()
{
    initialize();
    call(1, "wait", {{"n", 1}});
    call(2, "wait", {{"n", 1}});
    m_session.reset();
    m_gate.resolve({});
    QCoreApplication::processEvents();
    QVERIFY(m_sent.empty());
}

QTEST_GUILESS_MAIN(TestSession)
#include "tst_session.moc"
