#include <QRandomGenerator>
#include <QtTest>

#include "base/json.h"
#include "notebooks/jsonspans.h"

using namespace celldeck;
using namespace celldeck::notebooks;

namespace {

/// JSON that is written with ' for ".
QByteArray json(const char *text)
{
    return QByteArray(text).replace('\'', '"');
}

QByteArray cut(const QByteArray &text, Span span)
{
    return text.mid(span.begin, span.size());
}

/// A JSON text with white space, brackets in strings and escapes wherever they may be.
class RandomJson
{
public:
    explicit RandomJson(quint32 seed) : m_random(seed) {}

    QByteArray value(int depth)
    {
        switch (m_random.bounded(depth > 0 ? 7 : 5)) {
        case 0:
            return "null";
        case 1:
            return "-12.5e+3";
        case 2:
            return "false";
        case 3:
        case 4:
            return string();
        case 5:
            return list('[', ']', [&] { return value(depth - 1); });
        default:
            return list('{', '}', [&]() -> QByteArray {
                return string() + space() + ":" + space() + value(depth - 1);
            });
        }
    }

    QByteArray space()
    {
        static const QList<QByteArray> all{"", "", " ", "\n", "\r\n\t", "  "};
        return all[m_random.bounded(static_cast<int>(all.size()))];
    }

private:
    QByteArray string()
    {
        static const QList<const char *> all{
            "''",     "'}'",        "'[,'",       "'\\''",
            "'\\\\'", "'\\u0061:'", "'\\\\\\']'", "'ü\u2028\xf0\x9f\x8d\x8e'",
            "'k'"};
        return json(all[m_random.bounded(static_cast<int>(all.size()))]);
    }

    template <class One>
    QByteArray list(char open, char close, const One &one)
    {
        QByteArray out(1, open);
        const int count = m_random.bounded(4);
        for (int i = 0; i < count; ++i)
            out += (i > 0 ? "," : "") + space() + one() + space();
        return out + space() + close;
    }

    QRandomGenerator m_random;
};

/// Every span of `text`, against what the parser makes of it.
void compareAll(const QByteArray &text, Span span, const Json &value)
{
    const auto parsed = parseJson(cut(text, span));
    QVERIFY2(parsed, text.constData());
    QCOMPARE(toBytes(*parsed), toBytes(value));
    if (value.is_array()) {
        const auto found = elements(text, span);
        QCOMPARE(found.size(), value.size());
        for (size_t i = 0; i < found.size(); ++i)
            compareAll(text, found[i], value[i]);
    } else if (value.is_object()) {
        for (const auto &entry : value.items()) {
            const auto found = findMember(text, span, entry.key().c_str());
            QVERIFY2(found, text.constData());
            compareAll(text, found->value, entry.value());
        }
    }
}

}  // namespace

class TestJsonSpans : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void elementsEndWhereTheyEnd_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArrayList>("parts");
        QTest::newRow("empty") << QByteArray("[]") << QByteArrayList{};
        QTest::newRow("blank") << QByteArray(" [ \n ] ") << QByteArrayList{};
        QTest::newRow("scalars") << QByteArray("[1,-2.5e3 ,true\n,null]")
                                 << QByteArrayList{"1", "-2.5e3", "true", "null"};
        QTest::newRow("brackets in strings")
            << json("[']', '\\']', '\\\\' , [['}']]]")
            << QByteArrayList{json("']'"), json("'\\']'"), json("'\\\\'"), json("[['}']]")};
        QTest::newRow("mark") << QByteArray("\xef\xbb\xbf[{} , [] ]") << QByteArrayList{"{}", "[]"};
    }

    void elementsEndWhereTheyEnd()
    {
        QFETCH(QByteArray, text);
        QFETCH(QByteArrayList, parts);
        QByteArrayList found;
        for (const Span span : elements(text, rootSpan(text)))
            found << cut(text, span);
        QCOMPARE(found, parts);
    }

    void aMemberIsFoundByWhatItsNameMeans_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("value");
        QTest::newRow("plain") << json("{'a':0,'outputs' : [1] ,'b':2}") << QByteArray("[1]");
        QTest::newRow("escaped") << json("{'output\\u0073':7}") << QByteArray("7");
        QTest::newRow("the last of two") << json("{'outputs':1,'outputs':2}") << QByteArray("2");
        QTest::newRow("not one deeper") << json("{'x':{'outputs':1}}") << QByteArray();
        QTest::newRow("not a value") << json("{'x':'outputs'}") << QByteArray();
        QTest::newRow("empty") << QByteArray("{ }") << QByteArray();
    }

    void aMemberIsFoundByWhatItsNameMeans()
    {
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, value);
        const auto found = findMember(text, rootSpan(text), "outputs");
        QCOMPARE(found.has_value(), !value.isEmpty());
        if (found)
            QCOMPARE(cut(text, found->value), value);
    }

    void marginIsWhatALineBeginsWith_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<bool>("there");
        QTest::addColumn<QByteArray>("margin");
        QTest::newRow("spaces") << QByteArray("{\n   X") << true << QByteArray("   ");
        QTest::newRow("tabs, crlf") << QByteArray("{\r\n\t\tX") << true << QByteArray("\t\t");
        QTest::newRow("none") << QByteArray("{\nX") << true << QByteArray();
        QTest::newRow("behind something") << QByteArray("{\n  1, X") << false << QByteArray();
        QTest::newRow("first line") << QByteArray("  X") << false << QByteArray();
    }

    void marginIsWhatALineBeginsWith()
    {
        QFETCH(QByteArray, text);
        QFETCH(bool, there);
        QFETCH(QByteArray, margin);
        const auto found = marginAt(text, text.indexOf('X'));
        QCOMPARE(found.has_value(), there);
        QCOMPARE(found.value_or(QByteArray()), margin);
    }

    void agreesWithTheParser()
    {
        int structured = 0;
        for (quint32 seed = 0; seed < 3000; ++seed) {
            RandomJson random(seed);
            const QByteArray text = random.space() + random.value(5) + random.space();
            const auto value = parseJson(text);
            QVERIFY2(value, text.constData());
            structured += value->is_structured() ? 1 : 0;
            compareAll(text, rootSpan(text), *value);
            if (QTest::currentTestFailed())
                return;
        }
        QVERIFY(structured > 500);
    }
};

QTEST_GUILESS_MAIN(TestJsonSpans)
#include "tst_jsonspans.moc"
