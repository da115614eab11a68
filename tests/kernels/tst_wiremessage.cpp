#include <QMessageAuthenticationCode>
#include <QtTest>

#include "kernels/wiremessage.h"

using namespace celldeck;
using namespace celldeck::kernels;

namespace {

const QByteArray Key("the key of this test");
const QByteArray Delimiter("<IDS|MSG>");

Message sample(const char *id = "m1")
{
    Message message;
    message.header = Json{{"msg_id", id}, {"msg_type", "stream"}};
    message.parentHeader = Json{{"msg_id", "p1"}};
    message.content = {{"name", "stdout"}, {"text", "é 漢 🙂"}};
    message.buffers = {QByteArray("\0raw", 4), QByteArray()};
    return message;
}

QByteArray signatureOf(const QByteArrayList &parts)
{
    return QMessageAuthenticationCode::hash(parts.join(), Key, QCryptographicHash::Sha256).toHex();
}

Frames signedFrames(const QByteArrayList &parts)
{
    Frames frames{Delimiter, signatureOf(parts)};
    frames.insert(frames.end(), parts.begin(), parts.end());
    return frames;
}

}  // namespace

class TestWireMessage : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatIsEncodedIsDecoded();
    void aKernelsOwnBytesAreSigned();
    void routingIdsAreSkipped();
    void forgeriesAreRefused_data();
    void forgeriesAreRefused();
    void brokenOnesAreRefused_data();
    void brokenOnesAreRefused();
    void whatIsNotUtf8IsReplaced_data();
    void whatIsNotUtf8IsReplaced();
    void whatCannotBeReadIsSaid_data();
    void whatCannotBeReadIsSaid();
    void aLongTextStaysWhereItCame();
    void replaysAreRefused();
    void theHistoryIsBounded();
    void aForgerCannotPushOutTheHistory();
    void ofWhatIsTooLargeTheShortIsKept();
    void everyTruncationIsRefused();
};

void TestWireMessage::whatIsEncodedIsDecoded()
{
    WireCodec codec(Key);
    const auto decoded = codec.decode(codec.encode(sample()));
    QVERIFY(decoded);
    QCOMPARE(decoded->header, sample().header);
    QCOMPARE(decoded->parentHeader, sample().parentHeader);
    QCOMPARE(decoded->content, sample().content);
    QCOMPARE(decoded->buffers, sample().buffers);
}

void TestWireMessage::aKernelsOwnBytesAreSigned()
{
    // Python's json puts spaces where ours does not: what counts is the bytes as they came.
    WireCodec codec(Key);
    const auto decoded = codec.decode(
        signedFrames({R"({"msg_id": "a",  "msg_type": "status"})", "{}", "{ }", R"({"x": 1})"}));
    QVERIFY(decoded);
    QCOMPARE(decoded->content, Json({{"x", 1}}));
}

void TestWireMessage::routingIdsAreSkipped()
{
    WireCodec codec(Key);
    Frames frames = codec.encode(sample());
    frames.insert(frames.begin(), {QByteArray("topic"), QByteArray("\x01\x02", 2)});
    QVERIFY(codec.decode(frames));
}

void TestWireMessage::forgeriesAreRefused_data()
{
    QTest::addColumn<Frames>("frames");
    const WireCodec codec(Key);
    const Frames good = codec.encode(sample());
    const auto row = [](const char *name, const Frames &frames) { QTest::newRow(name) << frames; };
    for (size_t i = 2; i < 6; ++i) {
        Frames changed = good;
        changed[i].replace('{', "{ ");
        row(qPrintable(QStringLiteral("frame %1 was changed").arg(i)), changed);
    }
    Frames swapped = good;
    std::swap(swapped[3], swapped[4]);
    row("two frames were swapped", swapped);
    Frames unsignedOne = good;
    unsignedOne[1].clear();
    row("no signature", unsignedOne);
    Frames shortSignature = good;
    shortSignature[1].chop(1);
    row("a part of the signature", shortSignature);
    Frames other = WireCodec("another key").encode(sample());
    row("another key", other);
    Frames upper = good;
    upper[1] = upper[1].toUpper();
    row("the signature in capitals", upper);
}

void TestWireMessage::forgeriesAreRefused()
{
    QFETCH(const Frames, frames);
    WireCodec codec(Key);
    const auto decoded = codec.decode(frames);
    QVERIFY(!decoded);
    QCOMPARE(decoded.error().code, ErrorCode::Forbidden);
    // And the true one still comes through.
    QVERIFY(codec.decode(codec.encode(sample())));
}

void TestWireMessage::brokenOnesAreRefused_data()
{
    QTest::addColumn<Frames>("frames");
    const auto row = [](const char *name, const Frames &frames) { QTest::newRow(name) << frames; };
    row("nothing", {});
    row("an empty frame", {QByteArray()});
    row("no delimiter", {"a", "b", "c", "d", "e", "f"});
    row("the delimiter only", {Delimiter});
    row("three parts", signedFrames({R"({"msg_id":"a","msg_type":"b"})", "{}", "{}"}));
    row("no JSON", signedFrames({"{", "{}", "{}", "{}"}));
    row("no object", signedFrames({"[]", "{}", "{}", "{}"}));
    row("no JSON as parent", signedFrames({R"({"msg_id":"a","msg_type":"b"})", "{", "{}", "{}"}));
    row("no msg_id", signedFrames({R"({"msg_type":"b"})", "{}", "{}", "{}"}));
    row("no msg_type", signedFrames({R"({"msg_id":"a"})", "{}", "{}", "{}"}));
    row("a msg_id that is a number",
        signedFrames({R"({"msg_id":1,"msg_type":"b"})", "{}", "{}", "{}"}));
    row("nested for ever", signedFrames({QByteArray(200'000, '['), "{}", "{}", "{}"}));
}

void TestWireMessage::brokenOnesAreRefused()
{
    QFETCH(const Frames, frames);
    const auto decoded = WireCodec(Key).decode(frames);
    QVERIFY(!decoded);
    QCOMPARE(decoded.error().code, ErrorCode::Protocol);
    QVERIFY(!decoded.error().message.isEmpty());
}

void TestWireMessage::whatIsNotUtf8IsReplaced_data()
{
    QTest::addColumn<QByteArray>("sent");
    QTest::addColumn<QString>("text");
    const auto row = [](const char *name, const char *sent, const char16_t *text) {
        QTest::newRow(name) << QByteArray(sent) << QString::fromUtf16(text);
    };
    // What Python makes of os.fsdecode(b"a\xff").
    row("a byte", "a\xff", u"a\ufffd");
    row("half a character", "\xc3\"", u"\ufffd");
    row("half a pair", R"(a\ud800b)", u"a\ufffdb");
    row("the other half", R"(a\udc00)", u"a\ufffd");
    row("halves the wrong way", R"(\udc00\ud800)", u"\ufffd\ufffd");
    row("half a pair before a whole one", R"(\ud83d\ud83d\ude00)", u"\ufffd\U0001f600");
    row("a pair and a byte", "\\ud83d\\ude00\xff", u"\U0001f600\ufffd");
    row("what only looks like one", "\\\\ud800\xff", u"\\ud800\ufffd");
}

void TestWireMessage::whatIsNotUtf8IsReplaced()
{
    QFETCH(QByteArray, sent);
    QFETCH(const QString, text);
    if (!sent.endsWith('"'))
        sent += '"';
    const QByteArray object = R"({"name":"stdout","text":")" + sent + '}';
    WireCodec codec(Key);
    const auto decoded =
        codec.decode(signedFrames({R"({"msg_id":"a","msg_type":"stream"})", "{}", object, object}));
    QVERIFY2(decoded, decoded ? "" : qPrintable(decoded.error().message));
    QCOMPARE(decoded->leftOut, QString());
    QCOMPARE(textOf(decoded->content, "text"), text);
    QCOMPARE(textOf(*parseJson(decoded->metadata), "text"), text);
    // And so it is in a long one.
    const QByteArray filler(LongTextBytes, 'x');
    const QByteArray longObject = R"({"name":"stdout","text":")" + filler + sent + '}';
    const auto longOne = codec.decode(
        signedFrames({R"({"msg_id":"b","msg_type":"stream"})", "{}", "{}", longObject}));
    QVERIFY(longOne && longOne->longText);
    QCOMPARE(QByteArrayView(longOne->longText->view()).sliced(filler.size()), text.toUtf8());
    // Also in who says it.
    const auto named = codec.decode(signedFrames(
        {R"({"msg_id":"c","msg_type":"x","username":")" + sent + '}', "{}", "{}", "{}"}));
    QVERIFY(named);
    QCOMPARE(textOf(named->header.json(), "username"), text);
}

void TestWireMessage::whatCannotBeReadIsSaid_data()
{
    QTest::addColumn<QByteArray>("type");
    QTest::addColumn<QByteArray>("content");
    const QByteArray filler(LongTextBytes, 'x');
    const auto row = [](const char *name, const char *type, const QByteArray &content) {
        QTest::newRow(name) << QByteArray(type) << content;
    };
    row("no JSON", "error", "{");
    row("no object", "execute_reply", "[]");
    row("nested for ever", "display_data", QByteArray(200'000, '['));
    row("a long stream that is no JSON", "stream", "{\"text\":\"" + filler);
    row("a long stream without name", "stream", "{\"text\":\"" + filler + "\"}");
    row("a long stream without text", "stream",
        R"({"name":"stdout","other":{"text":")" + filler + "\"}}");
    row("a long stream, nested for ever", "stream", QByteArray(2 * LongTextBytes, '['));
}

/// Whoever waits for a reply must get it.
void TestWireMessage::whatCannotBeReadIsSaid()
{
    QFETCH(const QByteArray, type);
    QFETCH(const QByteArray, content);
    const auto decoded = WireCodec(Key).decode(signedFrames(
        {R"({"msg_id":"a","msg_type":")" + type + "\"}", R"({"msg_id":"p"})", "{}", content}));
    QVERIFY(decoded);
    QCOMPARE(decoded->parentId(), QByteArray("p"));
    QVERIFY(!decoded->leftOut.isEmpty());
    QVERIFY(decoded->content.is_object());
    QVERIFY(!decoded->longText);
}

void TestWireMessage::aLongTextStaysWhereItCame()
{
    WireCodec codec(Key, DigestHistory, 2'000'000);
    Message message = sample();
    message.header = Json{{"msg_id", "s"}, {"msg_type", "stream"}};
    std::string text = "first \"line\"\n\\ü€😀\t\x01";
    while (text.size() < 3'000'000)
        text += "and another line\n";
    message.content = {{"name", "stderr"}, {"text", text}};
    for (const bool isEscaped : {false, true}) {
        Frames frames = codec.encode(message);
        if (isEscaped) {
            const std::string ascii = message.content.dump(-1, ' ', true);
            frames = signedFrames({R"({"msg_id":"t","msg_type":"stream"})", "{}", "{}",
                                   QByteArray::fromStdString(ascii)});
        }
        // It is longer than the limit, which is for what becomes JSON values.
        const auto decoded = codec.decode(frames);
        QVERIFY2(decoded, decoded ? "" : qPrintable(decoded.error().message));
        QCOMPARE(decoded->leftOut, QString());
        QCOMPARE(decoded->content, (Json{{"name", "stderr"}}));
        QVERIFY(decoded->longText);
        QVERIFY(decoded->longText->view() == text);
        QCOMPARE(decoded->longText->lineEnds(), std::ranges::count(text, '\n'));
    }
}

void TestWireMessage::replaysAreRefused()
{
    WireCodec codec(Key);
    const Frames frames = codec.encode(sample());
    QVERIFY(codec.decode(frames));
    const auto again = codec.decode(frames);
    QVERIFY(!again);
    QCOMPARE(again.error().code, ErrorCode::Forbidden);
}

void TestWireMessage::theHistoryIsBounded()
{
    WireCodec codec(Key, 2);
    const Frames first = codec.encode(sample("1"));
    QVERIFY(codec.decode(first));
    QVERIFY(codec.decode(codec.encode(sample("2"))));
    QVERIFY(!codec.decode(first));
    QVERIFY(codec.decode(codec.encode(sample("3"))));
    QVERIFY(codec.decode(first));  // pushed out: memory has its end
}

void TestWireMessage::aForgerCannotPushOutTheHistory()
{
    WireCodec codec(Key, 2);
    const Frames seen = codec.encode(sample());
    QVERIFY(codec.decode(seen));
    const WireCodec forger("another key");
    for (int i = 0; i < 10; ++i)
        QVERIFY(!codec.decode(forger.encode(sample(QByteArray::number(i).constData()))));
    QVERIFY(!codec.decode(seen));
}

void TestWireMessage::ofWhatIsTooLargeTheShortIsKept()
{
    WireCodec codec(Key, DigestHistory, 10'000);
    Message message = sample();
    message.content = {{"name", "stdout"},
                       {"text", std::string(9'000, 'x')},
                       {"count", 7},
                       {"data", {{"text/plain", "inner"}}}};
    message.buffers = {QByteArray(2'000, 'b')};
    const auto decoded = codec.decode(codec.encode(message));
    QVERIFY2(decoded, decoded ? "" : qPrintable(decoded.error().message));
    QVERIFY2(decoded->leftOut.startsWith(QStringLiteral("it has 11")) &&
                 decoded->leftOut.endsWith(QStringLiteral("the limit is 10000")),
             qPrintable(decoded->leftOut));
    QCOMPARE(decoded->content, (Json{{"name", "stdout"}, {"count", 7}}));
    QCOMPARE(decoded->parentId(), message.parentId());
    QVERIFY(decoded->buffers.empty());
    // It has to be signed all the same.
    Frames forged = codec.encode(message);
    forged[1] = QByteArray(64, '0');
    QCOMPARE(codec.decode(forged).error().code, ErrorCode::Forbidden);
}

void TestWireMessage::everyTruncationIsRefused()
{
    WireCodec codec(Key);
    const Frames whole = codec.encode(sample());
    for (size_t i = 1; i < 6; ++i) {
        for (qsizetype size = 0; size < whole[i].size(); ++size) {
            Frames cut = whole;
            cut[i].truncate(size);
            QVERIFY(!codec.decode(cut));
        }
    }
    QVERIFY(codec.decode(whole));
}

QTEST_GUILESS_MAIN(TestWireMessage)
#include "tst_wiremessage.moc"
