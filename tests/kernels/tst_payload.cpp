#include <QtTest>

#include "kernels/payload.h"

using namespace celldeck;
using namespace celldeck::kernels;

class TestPayload : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void isReadAsOutputs_data();
    void isReadAsOutputs();
    void isBounded();
};

void TestPayload::isReadAsOutputs_data()
{
    QTest::addColumn<QString>("reply");
    QTest::addColumn<QString>("text");  // "none": no output
    const auto row = [](const char *name, const char *reply, const char *text) {
        QTest::newRow(name) << QString::fromUtf8(reply) << QString::fromUtf8(text);
    };
    row("none", R"({"payload": []})", "none");
    row("of old kernels", R"({})", "none");
    row("nonsense", R"({"payload": {"source": "page"}})", "none");
    row("nonsense in it", R"({"payload": [7]})", "none");
    row("page", R"({"payload": [{"source": "page", "data": {"text/plain": "help"}, "start": 0}]})",
        "help");
    row("page without data", R"({"payload": [{"source": "page"}]})",
        "[page: {\"source\":\"page\"}]");
    row("next input",
        R"({"payload": [{"source": "set_next_input", "text": "x = 1", "replace": false}]})",
        "[it suggests as the next cell:]\nx = 1");
    row("replace", R"({"payload": [{"source": "set_next_input", "text": "x", "replace": true}]})",
        "[it would replace this cell's code:]\nx");
    row("edit", R"({"payload": [{"source": "edit_magic", "filename": "/a.py", "line_number": 3}]})",
        "[it asks for an editor: /a.py, line 3]");
    row("exit", R"({"payload": [{"source": "ask_exit", "keepkernel": false}]})",
        "[it has asked its kernel to end]");
    row("of its own", R"({"payload": [{"source": "x", "a": 1}]})", R"([x: {"a":1,"source":"x"}])");
}

void TestPayload::isReadAsOutputs()
{
    QFETCH(QString, reply);
    QFETCH(QString, text);
    const Json outputs = readablePayload(payloadOf(*parseJson(reply.toUtf8())));
    QVERIFY(outputs.is_array());
    if (text == QLatin1String("none")) {
        QVERIFY(outputs.empty());
        return;
    }
    QCOMPARE(outputs.size(), size_t(1));
    QCOMPARE(textOf(outputs[0], "output_type"), QStringLiteral("display_data"));
    QCOMPARE(textOf(outputs[0]["data"], "text/plain"), text);
}

void TestPayload::isBounded()
{
    const Json reply{{"payload",
                      {{{"source", "page"}, {"data", {{"text/plain", std::string(2 << 20, 'x')}}}},
                       {{"source", "set_next_input"}, {"text", "small"}}}}};
    const Json payload = payloadOf(reply);
    QCOMPARE(payload.size(), size_t(2));
    QVERIFY(toBytes(payload).size() < 1'000);
    QVERIFY(*findInt(payload[0], "omitted_bytes") > 2 << 20);
    QVERIFY(
        textOf(readablePayload(payload)[0]["data"], "text/plain").contains(QLatin1String("page")));
    QVERIFY(payload[1] == reply["payload"][1]);
}

QTEST_GUILESS_MAIN(TestPayload)
#include "tst_payload.moc"
