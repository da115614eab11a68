#include <QTest>

#include "base/json.h"

using namespace celldeck;

class TestJson : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void keepsNumbersAsTheyCame()
    {
        const auto json = parseJson("{\"b\":1.0,\"a\":1,\"c\":9007199254740993}");
        QVERIFY(json.has_value());
        QCOMPARE(toBytes(*json), QByteArray("{\"a\":1,\"b\":1.0,\"c\":9007199254740993}"));
    }

    void namesThePlaceOfAnError()
    {
        const auto json = parseJson("{\n  \"a\": ]\n}");
        QVERIFY(!json);
        QCOMPARE(json.error().code, ErrorCode::Protocol);
        QVERIFY2(json.error().message.contains(QStringLiteral("line 2")),
                 qPrintable(json.error().message));
    }

    void refusesDeepNesting()
    {
        const QByteArray deep = QByteArray(100000, '[') + QByteArray(100000, ']');
        QVERIFY(!parseJson(deep));
        const QByteArray brackets = "\"" + QByteArray(1000, '[') + "\"";
        QVERIFY(parseJson(brackets).has_value());
    }

    void replacesInvalidUtf8WhenWriting()
    {
        const Json json = std::string("a\xff");
        QCOMPARE(toBytes(json), QByteArray("\"a\xef\xbf\xbd\""));
    }

    void findsOnlyTheRightType()
    {
        const Json json = {{"text", "x"}, {"number", 2.5}, {"integer", 3}, {"yes", true}};
        QCOMPARE(findText(json, "text"), std::optional(QStringLiteral("x")));
        QCOMPARE(findText(json, "number"), std::nullopt);
        QCOMPARE(findInt(json, "integer"), std::optional<std::int64_t>(3));
        QCOMPARE(findInt(json, "number"), std::nullopt);
        QCOMPARE(findNumber(json, "integer"), std::optional(3.0));
        QCOMPARE(findBool(json, "yes"), std::optional(true));
        QCOMPARE(find(Json::array(), "x"), nullptr);
        QCOMPARE(textOf(json, "missing"), QString());
    }
};

QTEST_GUILESS_MAIN(TestJson)
#include "tst_json.moc"
