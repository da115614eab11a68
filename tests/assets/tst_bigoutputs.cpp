#include <QtTest>

#include "assets/asset.h"
#include "assets/bigoutputs.h"

using namespace celldeck;
using namespace celldeck::assets;

namespace {

Json stream(const std::string &text)
{
    return {{"output_type", "stream"}, {"name", "stdout"}, {"text", text}};
}

Json display(Json data)
{
    return {
        {"output_type", "display_data"}, {"data", std::move(data)}, {"metadata", Json::object()}};
}

std::string lines(int count)
{
    std::string text;
    for (int i = 1; i <= count; ++i)
        text += std::to_string(i) + "\n";
    return text;
}

std::string repeated(const std::string &what, int times)
{
    std::string text;
    for (int i = 0; i < times; ++i)
        text += what;
    return text;
}

}  // namespace

/// Which parts of outputs are big, and what is shown in their place.
class TestBigOutputs : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatIsBig_data();
    void whatIsBig();
    void aPreviewHasBothEndsAndIsSmall_data();
    void aPreviewHasBothEndsAndIsSmall();
    void aProgressBarIsOneLine();
    void whatIsNoTextLeavesTheData();
    void onlyWhatIsFarTooBigIsCutInTheRecord();
    void whatWasCutIsShownAsItIs();
    void ofVeryManyTheFirstAndTheLastAreShown();
    void namesAreContentAndType();
};

void TestBigOutputs::whatIsBig_data()
{
    QTest::addColumn<QString>("output");
    QTest::addColumn<QString>("parts");
    const auto row = [](const char *name, const Json &output, const char *parts) {
        QTest::newRow(name) << QString::fromUtf8(toBytes(output)) << QString::fromLatin1(parts);
    };
    row("short text", stream("hello\n"), "");
    row("50 lines", stream(lines(50)), "");
    row("51 lines", stream(lines(51)), "text");
    row("50 lines and a bit", stream(lines(50) + "x"), "text");
    row("2,000 characters", stream(std::string(2'000, 'x')), "");
    row("2,001 characters", stream(std::string(2'001, 'x')), "text");
    row("2,000 characters of four bytes", stream(repeated("🙂", 2'000)), "");
    row("lines as a file has them",
        stream("").patch(
            Json::array({{{"op", "replace"}, {"path", "/text"}, {"value", {"a\n", "b"}}}})),
        "");
    row("an image", display({{"image/png", "aGk="}, {"text/plain", "<Figure>"}}), "image/png");
    row("an SVG", display({{"image/svg+xml", "<svg/>"}}), "image/svg+xml");
    row("a PDF", display({{"application/pdf", "aGk="}}), "application/pdf");
    row("short HTML", display({{"text/html", "<b>x</b>"}, {"text/plain", "x"}}), "");
    row("long HTML", display({{"text/html", std::string(2'001, 'x')}, {"text/plain", "x"}}),
        "text/html");
    row("both long",
        display({{"text/html", std::string(2'001, 'x')}, {"text/plain", std::string(2'001, 'x')}}),
        "text/html text/plain");
    row("small JSON", display({{"application/json", {{"a", 1}}}}), "");
    row("big JSON", display({{"application/json", {{"a", std::string(2'001, 'x')}}}}),
        "application/json");
    row("an error",
        {{"output_type", "error"}, {"ename", "E"}, {"evalue", "e"}, {"traceback", {"a", "b"}}}, "");
    row("a deep error",
        {{"output_type", "error"},
         {"ename", "E"},
         {"evalue", "e"},
         {"traceback", {lines(60), "b"}}},
        "traceback");
    row("a long message",
        {{"output_type", "error"},
         {"ename", "E"},
         {"evalue", std::string(2'001, 'x')},
         {"traceback", {"a"}}},
        "evalue");
    row("nonsense", {{"data", 7}, {"text", 8}, {"traceback", 9}}, "");
    row("no object", Json(7), "");
}

void TestBigOutputs::whatIsBig()
{
    QFETCH(QString, output);
    QFETCH(QString, parts);
    const Json outputs = Json::array({*parseJson(output.toUtf8())});
    QStringList found;
    for (const BigPart &part : bigPartsOf(outputs))
        found << part.of;
    QCOMPARE(found.join(QLatin1Char(' ')), parts);
    QVERIFY(hasBigParts(outputs) || parts.isEmpty());
    // What is shown has nothing big in it any more, and what was small stands as it did.
    QVERIFY(bigPartsOf(shownWithoutFiles(outputs)).isEmpty());
    if (parts.isEmpty())
        QVERIFY(shownWithoutFiles(outputs) == outputs);
}

void TestBigOutputs::aPreviewHasBothEndsAndIsSmall_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("lines") << QByteArray::fromStdString("first\n" + lines(100'000) + "last\n");
    QTest::newRow("one line") << QByteArray("first" + QByteArray(1 << 20, 'x') + "last");
    QTest::newRow("long lines") << QByteArray(
        "first" + QByteArray(QByteArray(5'000, 'x') + '\n').repeated(99) + "last");
    QTest::newRow("umlauts") << QByteArray("first" + QByteArray("ü").repeated(5'000) + "last");
    QTest::newRow("umlauts, shifted")
        << QByteArray("firstx" + QByteArray("ü").repeated(5'000) + "last");
    QTest::newRow("empty lines") << QByteArray("first" + QByteArray("\n").repeated(5'000) + "last");
}

void TestBigOutputs::aPreviewHasBothEndsAndIsSmall()
{
    QFETCH(QByteArray, text);
    const Json outputs = Json::array({stream(text.toStdString())});
    const QList<BigPart> parts = bigPartsOf(outputs);
    QCOMPARE(parts.size(), 1);
    QCOMPARE(parts.first().content, text);
    const QString path = QStringLiteral("/n/assets/") + nameOf(text, parts.first().mimeType);
    const Json output = shown(outputs, parts, {{path, {}}})[0];
    const QString preview = textOf(output, "text");
    QVERIFY(preview.startsWith(QLatin1String("first")));
    QVERIFY(preview.trimmed().endsWith(QLatin1String("last")));
    QVERIFY2(preview.contains(QFileInfo(path).fileName()), qPrintable(preview));
    QVERIFY(!preview.contains(QChar(QChar::ReplacementCharacter)));
    QVERIFY(preview.size() <= MaxInlineCharacters);
    QVERIFY(preview.count(QLatin1Char('\n')) < MaxInlineLines);
    const Json &asset = output["assets"][0];
    QCOMPARE(textOf(asset, "path"), path);
    QCOMPARE(textOf(asset, "asset"), QFileInfo(path).fileName());
    QCOMPARE(findInt(asset, "bytes"), std::optional<std::int64_t>(text.size()));
}

void TestBigOutputs::aProgressBarIsOneLine()
{
    std::string bar;
    for (int i = 0; i <= 1'000; ++i)
        bar += "\r" + std::to_string(i) + "/1000";
    const Json outputs = Json::array({stream(bar + "\n")});
    QVERIFY(bigPartsOf(outputs).isEmpty());
    QCOMPARE(textOf(shownWithoutFiles(outputs)[0], "text"), QStringLiteral("1000/1000\n"));
    QCOMPARE(readable(shownWithoutFiles(outputs)), QStringLiteral("1000/1000\n"));

    // What no record can hold goes into a file as it came, and is one line all the same.
    while (qsizetype(bar.size()) <= MaxRecordBytes)
        bar += bar;
    const Json huge = Json::array({stream(bar)});
    const QList<BigPart> parts = bigPartsOf(huge);
    QCOMPARE(parts.size(), 1);
    QCOMPARE(parts.first().content, QByteArray::fromStdString(bar));
    const Json output = shown(huge, parts, {{QStringLiteral("/n/assets/1.txt"), {}}})[0];
    QCOMPARE(textOf(output, "text"), QStringLiteral("1000/1000"));
    QCOMPARE(textOf(output["assets"][0], "asset"), QStringLiteral("1.txt"));
}

void TestBigOutputs::whatIsNoTextLeavesTheData()
{
    const Json outputs =
        Json::array({display({{"image/png", "aGk="}, {"text/plain", "<Figure>"}})});
    const QList<BigPart> parts = bigPartsOf(outputs);
    QCOMPARE(parts.first().content, QByteArray("hi"));
    const Json after = shown(outputs, parts, {{QStringLiteral("/n/assets/1.png"), {}}});
    QVERIFY(after[0]["data"] == Json({{"text/plain", "<Figure>"}}));
    QCOMPARE(readable(after), QStringLiteral("<Figure>\n[image/png, 2 bytes: asset 1.png]"));
    QCOMPARE(readable(shownWithoutFiles(outputs)),
             QStringLiteral("<Figure>\n[image/png, 2 bytes]"));
}

void TestBigOutputs::onlyWhatIsFarTooBigIsCutInTheRecord()
{
    const Json outputs = Json::array({stream(lines(100)), stream(std::string(MaxRecordBytes, 'a')),
                                      stream(std::string(MaxRecordBytes + 1, 'b'))});
    const QList<BigPart> parts = bigPartsOf(outputs);
    QCOMPARE(parts.size(), 3);
    const PartPlace place{QStringLiteral("/n/assets/1.txt"), {}};
    const Json record = recorded(outputs, parts, {place, place, place});
    QVERIFY(record[0] == outputs[0]);
    QVERIFY(record[1] == outputs[1]);
    QVERIFY(toBytes(record[2]).size() < 3'000);
    // What could be put into no file is recorded whole.
    QVERIFY(recorded(outputs, parts, QList<PartPlace>(3)) == outputs);
}

void TestBigOutputs::whatWasCutIsShownAsItIs()
{
    const Json outputs = Json::array({stream(std::string(MaxRecordBytes + 1, 'b'))});
    const Json record =
        recorded(outputs, bigPartsOf(outputs), {{QStringLiteral("/n/assets/1.txt"), {}}});
    QVERIFY(!hasBigParts(record));
    QVERIFY(shownWithoutFiles(record) == record);
    QCOMPARE(textOf(record[0]["assets"][0], "asset"), QStringLiteral("1.txt"));
}

void TestBigOutputs::ofVeryManyTheFirstAndTheLastAreShown()
{
    Json outputs = Json::array();
    for (size_t i = 0; i < MaxShownOutputs; ++i)
        outputs.push_back(stream("output " + std::to_string(i)));
    QCOMPARE(shownWithoutFiles(outputs).size(), MaxShownOutputs);
    for (size_t i = MaxShownOutputs; i < 1'000; ++i)
        outputs.push_back(stream("output " + std::to_string(i)));
    const Json few = shownWithoutFiles(outputs);
    QCOMPARE(few.size(), MaxShownOutputs + 1);
    constexpr size_t Half = MaxShownOutputs / 2;
    QVERIFY(few[0] == outputs[0] && few[Half - 1] == outputs[Half - 1]);
    QVERIFY(few[Half + 1] == outputs[1'000 - Half] && few.back() == outputs.back());
    QVERIFY(textOf(few[Half], "text").contains(QStringLiteral("800 of 1000 outputs")));
    QCOMPARE(recorded(outputs, {}, {}).size(), size_t(1'000));
}

void TestBigOutputs::namesAreContentAndType()
{
    // sha256sum of "hi"
    QCOMPARE(nameOf("hi", QStringLiteral("image/png")),
             QStringLiteral("8f434346648f6b96df89dda901c5176b.png"));
    QCOMPARE(stemOf(QStringLiteral("/n/8f434346648f6b96df89dda901c5176b.png")),
             QByteArray("8f434346648f6b96df89dda901c5176b"));
    for (const char *no : {"", "/n/photo.png", "/n/8F434346648F6B96DF89DDA901C5176B.png"})
        QVERIFY2(stemOf(QString::fromLatin1(no)).isEmpty(), no);
    for (const char *type : {"text/plain", "text/html", "image/png", "image/jpeg", "image/svg+xml",
                             "application/pdf", "application/json"}) {
        const QString mime = QString::fromLatin1(type);
        QCOMPARE(mimeTypeOf(nameOf("x", mime)), mime);
    }
}

QTEST_GUILESS_MAIN(TestBigOutputs)
#include "tst_bigoutputs.moc"
