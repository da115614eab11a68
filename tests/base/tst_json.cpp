#include <QRandomGenerator>
#include <QTest>
#include <array>

#include "base/json.h"

using namespace celldeck;

namespace {

// Not in R"()": moc finds no class behind such a string.
const QByteArray Whole =
    "{'header':{'msg_id':'a_1','date':'2026-11-26T00:00:00.5Z'},'n':[0,-1,2.50,1e-3,"
    "18446744073709551615],'t':'\\u00e9\\n\\\\ \\t','e':{},'deep':[[{'k':[null,true]}]]}";

}  // namespace

class TestJson : public QObject
{
    Q_OBJECT

private:
    static void compareWithTheExactParser(const QByteArray &text)
    {
        const auto ours = parseJson(text);
        const Json exact = Json::parse(text.begin(), text.end(), nullptr, false);
        const QByteArray said = text + ": " + (ours ? toBytes(*ours) : QByteArray("refused"));
        QVERIFY2(ours.has_value() != exact.is_discarded(), said.constData());
        if (!ours)
            return;
        QVERIFY2(*ours == exact, said.constData());
        QCOMPARE(toBytes(*ours), toBytes(exact));
        compareTexts(text, exact);
    }
    /// The few members that are read without a tree.
    static void compareTexts(const QByteArray &text, const Json &exact)
    {
        static constexpr std::array<std::string_view, 3> Keys{"t", "n", "e"};
        std::array<QByteArray, 3> texts;
        const Result<> read = readTexts(text, Keys, texts);
        QVERIFY2(read.has_value() == exact.is_object(), text.constData());
        if (!read)
            return;
        for (size_t i = 0; i < Keys.size(); ++i) {
            const Json *member = find(exact, Keys[i].data());
            const std::string expected =
                member && member->is_string() ? member->get<std::string>() : std::string();
            QVERIFY2(texts[i] == QByteArray::fromStdString(expected), text.constData());
        }
    }

private Q_SLOTS:
    void keepsNumbersAsTheyCame()
    {
        const auto json = parseJson("{\"b\":1.0,\"a\":1,\"c\":9007199254740993}");
        QVERIFY(json.has_value());
        QCOMPARE(toBytes(*json), QByteArray("{\"a\":1,\"b\":1.0,\"c\":9007199254740993}"));
    }

    void aTextMayBeginWithAMark()
    {
        const QString text = QStringLiteral("\ufeffa\ufeff");
        QCOMPARE(textOf(Json{{"t", text}}, "t"), text);
        QCOMPARE(textFromUtf8(text.toUtf8()), text);
        QCOMPARE(textFromUtf8("\xef\xbb\xbf"), QStringLiteral("\ufeff"));
        QCOMPARE(textFromUtf8("\xef\xbb\xbf\xff"), QStringLiteral("\ufeff\ufffd"));
        QCOMPARE(textFromUtf8({}), QString());
    }

    void howDeepATextNests()
    {
        QVERIFY(!nestsDeeper("[[1, 2], {\"a\": [3]}]", 3));
        QVERIFY(nestsDeeper("[[1, 2], {\"a\": [3]}]", 2));
        QVERIFY(!nestsDeeper("[\"[[[{{{\", \"\\\"[[[\"]", 1));
        QVERIFY(!nestsDeeper("[[], [], [], []]", 2));
        QVERIFY(!nestsDeeper("", 0));
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

    void nestsAsDeepAsIsSaid()
    {
        const auto nested = [](int depth) -> QByteArray {
            return QByteArray(depth, '[') + QByteArray(depth, ']');
        };
        QVERIFY(parseJson(nested(MaxJsonDepth)));
        QVERIFY(!parseJson(nested(MaxJsonDepth + 1)));
    }

    /// Two parsers work in parseJson: whichever it was, what comes out is the same.
    void readsAsTheExactParserDoes_data()
    {
        QTest::addColumn<QByteArray>("text");
        for (const char *text : {"",
                                 " ",
                                 "null",
                                 "0",
                                 "-0",
                                 "-0.0",
                                 "1e5",
                                 "1E400",
                                 "9223372036854775807",
                                 "9223372036854775808",
                                 "18446744073709551615",
                                 "18446744073709551616",
                                 "-9223372036854775808",
                                 "-9223372036854775809",
                                 "0.1",
                                 "1.7976931348623157e308",
                                 "5e-324",
                                 "01",
                                 "1.",
                                 "+1",
                                 "NaN",
                                 "[1,]",
                                 "[1 2]",
                                 "{\"a\":1,\"a\":2}",
                                 "{\"a\"}",
                                 "\"\\ud83d\\udc27\"",
                                 "\"\\ud83d\"",
                                 "\"\\udc27\"",
                                 "\"\\ud83dx\"",
                                 "\"\\uD83D\\u0041\"",
                                 "\"\\u00e9\\n\\/\"",
                                 "\"\\x\"",
                                 "\"a\nb\"",
                                 "\"\xc3\xa9\"",
                                 "\"\xff\"",
                                 "\"\xed\xa0\xbd\"",
                                 "\xef\xbb\xbf[]",
                                 "[] x",
                                 "[]\n",
                                 "[[[]]]",
                                 "\"open",
                                 "{\"\":{}}",
                                 "\"\\\\ud83d\"",
                                 "\"\\u0000\"",
                                 "[true,false,null]",
                                 "tru"})
            QTest::newRow(text) << QByteArray(text);
    }
    void readsAsTheExactParserDoes()
    {
        QFETCH(QByteArray, text);
        compareWithTheExactParser(text);
    }

    void readsBrokenTextsAsTheExactParserDoes()
    {
        const QByteArray whole = QByteArray(Whole).replace('\'', '"');
        compareWithTheExactParser(whole);
        QRandomGenerator chance(20261126);
        const QByteArray pieces = "{}[]\",:\\u0de-+.19nt \x80\xc3\n";
        for (int round = 0; round < 20'000; ++round) {
            QByteArray text = whole;
            for (int change = int(chance.bounded(1, 4)); change > 0; --change) {
                const qsizetype place = chance.bounded(int(text.size()));
                const char piece = pieces[chance.bounded(int(pieces.size()))];
                switch (chance.bounded(3)) {
                case 0:
                    text[place] = piece;
                    break;
                case 1:
                    text.insert(place, piece);
                    break;
                default:
                    text.remove(place, chance.bounded(1, 5));
                }
            }
            compareWithTheExactParser(text);
        }
    }

    void readsTextsWithoutATree_data()
    {
        QTest::addColumn<QByteArray>("text");
        for (const char *const text :
             {"{}", "{\"t\":\"\"}", "{\"t\":\"x\",\"n\":1,\"e\":null}", "{\"t\":\"a\",\"t\":\"b\"}",
              "{\"t\":\"a\",\"t\":2}", "{\"t\":\"a\\u0000b\",\"more\":[{\"t\":\"inner\"}]}",
              "{\"\\u0074\":\"named so\"}", "{\"t\":\"a\",\"n\":123456789012345678901234}",
              "[\"t\",\"a\"]", "\"t\"", "7"})
            QTest::newRow(text) << QByteArray(text);
    }
    void readsTextsWithoutATree()
    {
        QFETCH(const QByteArray, text);
        compareWithTheExactParser(text);
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
