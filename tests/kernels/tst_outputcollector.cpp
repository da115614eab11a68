#include <QtTest>

#include "kernels/outputcollector.h"

using namespace celldeck;
using namespace celldeck::kernels;

namespace {

Message message(const char *type, Json content)
{
    Message made;
    made.header = Json{{"msg_type", type}};
    made.content = std::move(content);
    return made;
}

/// A script, a word a message: "out:a" and "err:a" print, "d:a" shows, "d#1:a" under an id, "u#1:a"
/// shows anew, "r:a" is a result, "e:a" an error, "clear" and "wait" clear; "~" is a space.
Message messageOf(const QString &word)
{
    const QString what = word.section(QLatin1Char(':'), 0, 0);
    const QString text = word.section(QLatin1Char(':'), 1).replace(u'~', u' ');
    const QString kind = what.section(QLatin1Char('#'), 0, 0);
    const QString id = what.section(QLatin1Char('#'), 1);
    if (kind == QLatin1String("out") || kind == QLatin1String("err"))
        return message("stream", {{"name", "std" + kind.toStdString()}, {"text", text}});
    if (kind == QLatin1String("clear") || kind == QLatin1String("wait"))
        return message("clear_output", {{"wait", kind == QLatin1String("wait")}});
    if (kind == QLatin1String("e"))
        return message("error", {{"ename", "E"}, {"evalue", text}, {"traceback", {text}}});
    Json content{{"data", {{"text/plain", text}}}, {"metadata", Json::object()}};
    if (!id.isEmpty())
        content["transient"] = {{"display_id", id}};
    if (kind == QLatin1String("r"))
        content["execution_count"] = 7;
    const char *type = kind == QLatin1String("r")   ? "execute_result"
                       : kind == QLatin1String("u") ? "update_display_data"
                                                    : "display_data";
    return message(type, std::move(content));
}

QString wordOf(const Json &output)
{
    const QString type = textOf(output, "output_type");
    if (type == QLatin1String("stream"))
        return textOf(output, "name").mid(3) + QLatin1Char(':') + textOf(output, "text");
    if (type == QLatin1String("error"))
        return QStringLiteral("e:") + textOf(output, "evalue");
    const QString text = textOf(output["data"], "text/plain");
    return (type == QLatin1String("execute_result") ? QStringLiteral("r:") : QStringLiteral("d:")) +
           text;
}

}  // namespace

class TestOutputCollector : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void collects_data();
    void collects();
    void whatIsMalformedHarmsNothing_data();
    void whatIsMalformedHarmsNothing();
    void everyMimeTypeIsKept();
    void aLongTextGoesToItsFile();
    void aLongTextIsPrintedLikeAnyOther();
    void manyLongTextsKeepNoFilesOpen();
    void whatAnEarlierEngineShowedIsShownAnew();
    void aClearedTextLeavesNoFile();
    void whatCannotBeWrittenIsSaid();
    void whatTheDiskIsTooSlowForIsSaid();
    void ofShortLinesFewAreShown();
    void outputsWithoutEndBecomeTwoTexts_data();
    void outputsWithoutEndBecomeTwoTexts();
};

void TestOutputCollector::collects_data()
{
    QTest::addColumn<QString>("script");
    QTest::addColumn<QString>("outputs");
    const auto row = [](const char *name, const char *script, const char *outputs) {
        QTest::newRow(name) << QString::fromLatin1(script) << QString::fromLatin1(outputs);
    };
    row("texts of one stream are one", "out:a out:b err:c err:d out:e", "out:ab err:cd out:e");
    row("not across something else", "out:a d:x out:b", "out:a d:x out:b");
    row("an empty text", "out: out:a out:", "out:a");
    row("result and error", "r:1 e:why", "r:1 e:why");
    row("clear", "out:a d:b clear out:c", "out:c");
    row("clear at the end", "out:a clear", "");
    row("clear, waiting", "out:a d:b wait out:c", "out:c");
    row("clear, waiting for nothing", "out:a wait", "out:a");
    row("twice", "out:a wait clear out:b out:c", "out:bc");
    row("waiting, then at once", "out:a wait clear", "");
    row("the stream behind a clear is a new one", "out:a wait out:b out:c", "out:bc");
    row("an error clears too", "out:a wait e:x", "e:x");
    row("an update does not", "d#1:a wait u#1:b", "d:b");
    row("update", "d#1:a d#2:b d#1:c u#1:z", "d:z d:b d:z");
    row("shown again under an id", "d#1:a d#1:b", "d:b d:b");
    row("update of what is cleared", "d#1:a clear d:b u#1:z", "d:b");
    row("update of what was cleared in between", "d#1:a wait d:b u#1:z", "d:b");
    row("update of nothing", "u#9:z out:a", "out:a");
    row("a result can be updated", "r#1:a u#1:b", "r:b");
}

void TestOutputCollector::collects()
{
    QFETCH(QString, script);
    QFETCH(QString, outputs);
    OutputCollector collector;
    for (const QString &word : script.split(QLatin1Char(' ')))
        collector.apply(messageOf(word));
    QStringList words;
    for (const Json &output : collector.outputs())
        words << wordOf(output);
    QCOMPARE(words.join(QLatin1Char(' ')), outputs);
}

void TestOutputCollector::whatIsMalformedHarmsNothing_data()
{
    QTest::addColumn<QByteArray>("type");
    QTest::addColumn<QString>("content");
    QTest::addColumn<bool>("makesAnOutput");
    const auto row = [](const char *name, const char *type, const char *content, bool makes) {
        QTest::newRow(name) << QByteArray(type) << QString::fromLatin1(content) << makes;
    };
    row("no text", "stream", R"({"name": "stdout"})", false);
    row("text is a number", "stream", R"({"name": "stdout", "text": 7})", false);
    row("no content", "stream", "{}", false);
    row("data is a list", "display_data", R"({"data": [1], "metadata": 7})", true);
    row("no data", "execute_result", R"({"execution_count": "x"})", true);
    row("a traceback that is a text", "error", R"({"ename": 1, "traceback": "x"})", true);
    row("transient is a text", "display_data", R"({"data": {}, "transient": "x"})", true);
    row("wait is a text", "clear_output", R"({"wait": "yes"})", false);
    row("another type", "something", R"({"data": {}})", false);
}

void TestOutputCollector::whatIsMalformedHarmsNothing()
{
    QFETCH(QByteArray, type);
    QFETCH(QString, content);
    QFETCH(bool, makesAnOutput);
    OutputCollector collector;
    collector.apply(message(type.constData(), *parseJson(content.toLatin1())));
    collector.apply(messageOf(QStringLiteral("out:after")));
    QCOMPARE(collector.outputs().size(), size_t(makesAnOutput ? 2 : 1));
    QCOMPARE(wordOf(collector.outputs().back()), QStringLiteral("out:after"));
    if (makesAnOutput && type != "error") {
        QVERIFY(collector.outputs()[0]["data"].is_object());
        QVERIFY(collector.outputs()[0]["metadata"].is_object());
    }
}

/// As it came, whatever its type, and whatever buffers come with it: nbformat has no place for
/// them.
void TestOutputCollector::everyMimeTypeIsKept()
{
    const Json data{{"text/plain", "a\nb"},
                    {"image/png", "aGk=\n"},
                    {"application/json", {{"a", {1, 2.0, nullptr}}}},
                    {"application/vnd.x.v1+json", {1, 2}},
                    {"x-own/y", "z"}};
    const Json metadata{{"image/png", {{"width", 1}}}};
    Message shown = message("display_data", {{"data", data}, {"metadata", metadata}});
    shown.buffers = {QByteArray("1"), QByteArray("2")};
    OutputCollector collector;
    QVERIFY(collector.apply(shown).changed);
    QVERIFY(
        collector.outputs() ==
        Json::array({{{"output_type", "display_data"}, {"data", data}, {"metadata", metadata}}}));
}

/// Whole, in its order, and only what is one text: memory keeps the ends.
void TestOutputCollector::aLongTextGoesToItsFile()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("assets/.partial-1"));
    OutputCollector collector(Json::array(), path);
    std::string all;
    for (int i = 0; i < 40'000; ++i) {
        const std::string text = "line " + std::to_string(i) + " ü" + std::string(30, 'x') + "\n";
        all += text;
        collector.apply(message("stream", {{"name", "stdout"}, {"text", text}}));
    }
    collector.apply(messageOf(QStringLiteral("d:between")));
    collector.apply(messageOf(QStringLiteral("out:short")));
    QVERIFY(all.size() > MaxStreamBytes);
    QCOMPARE(collector.spools().size(), size_t(1));
    collector.spools().front()->drain();
    QFile file(path + QStringLiteral("-0.txt"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    QVERIFY(file.readAll().toStdString() == all);

    const Json &outputs = collector.outputs();
    QCOMPARE(outputs.size(), size_t(3));
    QCOMPARE(wordOf(outputs[2]), QStringLiteral("out:short"));
    const QString preview = textOf(outputs[0], "text");
    QVERIFY(preview.startsWith(QStringLiteral("line 0 ü")));
    QVERIFY(preview.endsWith(QLatin1String("x\n")));
    QVERIFY(preview.contains(QLatin1String("line 39999 ")));
    QVERIFY(!preview.contains(QChar(QChar::ReplacementCharacter)));
    QVERIFY(preview.size() < 2'000);
    const Json &asset = outputs[0]["assets"][0];
    QCOMPARE(textOf(asset, "path"), file.fileName());
    QCOMPARE(findInt(asset, "bytes"), std::optional(std::int64_t(all.size())));
    QCOMPARE(findInt(asset, "lines"), std::optional(std::int64_t(40'000)));
}

/// Whatever comes before and after it; without a file, in memory.
void TestOutputCollector::aLongTextIsPrintedLikeAnyOther()
{
    const auto print = [](OutputCollector &collector, const QByteArray &text) {
        Message said = message("stream", {{"name", "stdout"}});
        said.longText = std::make_shared<LongText>(text, text);
        return collector.apply(said).changed;
    };
    QTemporaryDir dir;
    const QByteArray text = QByteArray(10'000, 'x') + '\n';
    for (const bool hasFile : {true, false}) {
        OutputCollector collector(Json::array(),
                                  hasFile ? dir.filePath(QStringLiteral("p")) : QString());
        collector.apply(messageOf(QStringLiteral("out:before\n")));
        QVERIFY(print(collector, text));
        QVERIFY(print(collector, text));
        collector.apply(messageOf(QStringLiteral("out:after")));
        QCOMPARE(collector.outputs().size(), size_t(1));
        const QByteArray all = "before\n" + text + text + "after";
        const Json &output = collector.outputs()[0];
        if (!hasFile) {
            QCOMPARE(textOf(output, "text").toUtf8(), all);
            continue;
        }
        QCOMPARE(findInt(output["assets"][0], "bytes"), std::optional(std::int64_t(all.size())));
        QCOMPARE(findInt(output["assets"][0], "lines"), std::optional(std::int64_t(4)));
        QVERIFY(textOf(output, "text").startsWith(QLatin1String("before\nxxx")));
        QVERIFY(textOf(output, "text").endsWith(QLatin1String("xxx\nafter")));
        collector.spools().front()->drain();
        QFile file(textOf(output["assets"][0], "path"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCOMPARE(file.readAll(), all);
    }
}

void TestOutputCollector::manyLongTextsKeepNoFilesOpen()
{
    constexpr int Texts = 100;
    QTemporaryDir dir;
    OutputCollector collector(Json::array(), dir.filePath(QStringLiteral("p")));
    const QByteArray text(10'000, 'x');
    for (int i = 0; i < Texts; ++i) {
        Message said = message("stream", {{"name", i % 2 == 0 ? "stdout" : "stderr"}});
        said.longText = std::make_shared<LongText>(text, text);
        collector.apply(said);
        collector.apply(messageOf(QStringLiteral("d:between")));
    }
    QCOMPARE(collector.spools().size(), size_t(Texts));
    for (const auto &spool : collector.spools())
        spool->drain();
    qsizetype open = 0;
    for (const QFileInfo &fd : QDir(QStringLiteral("/proc/self/fd")).entryInfoList(QDir::Files))
        open += fd.symLinkTarget().startsWith(dir.path());
    QCOMPARE(open, 0);
    for (int i = 0; i < Texts; ++i)
        QCOMPARE(QFileInfo(dir.filePath(QStringLiteral("p-%1.txt").arg(i))).size(), text.size());
}

void TestOutputCollector::whatAnEarlierEngineShowedIsShownAnew()
{
    OutputCollector before;
    for (const char *word : {"out:text", "d#x:old", "d#y:other", "d#x:twin"})
        before.apply(messageOf(QLatin1String(word)));
    const Displays displays = before.displays();
    // Nor is harm done by places that make no sense.
    Displays wrong = displays;
    wrong[QStringLiteral("x")] << 0 << 4 << -1;
    for (const Displays &known : {displays, wrong}) {
        OutputCollector after(before.outputs(), {}, known);
        QCOMPARE(after.displays(), displays);
        QVERIFY(after.apply(messageOf(QStringLiteral("u#x:new"))).changed);
        QStringList words;
        for (const Json &output : after.outputs())
            words << wordOf(output);
        QCOMPARE(words.join(u' '), QStringLiteral("out:text d:new d:other d:new"));
    }
}

void TestOutputCollector::aClearedTextLeavesNoFile()
{
    QTemporaryDir dir;
    OutputCollector collector(Json::array(), dir.filePath(QStringLiteral("p")));
    const auto print = [&collector] {
        collector.apply(message(
            "stream", {{"name", "stdout"}, {"text", std::string(MaxStreamBytes / 2 + 1, 'x')}}));
    };
    for (int i = 0; i < 3; ++i)
        print();
    QCOMPARE(collector.spools().size(), size_t(1));
    const auto gone = collector.spools().front();
    collector.apply(messageOf(QStringLiteral("clear")));
    QVERIFY(collector.outputs().empty());
    for (int i = 0; i < 3; ++i)
        print();
    QCOMPARE(collector.spools().size(), size_t(1));
    gone->drain();
    collector.spools().front()->drain();
    QTRY_COMPARE(QDir(dir.path()).entryList(QDir::Files), QStringList(QStringLiteral("p-1.txt")));
    QCOMPARE(QFileInfo(dir.filePath(QStringLiteral("p-1.txt"))).size(),
             qint64(3 * (MaxStreamBytes / 2 + 1)));
}

void TestOutputCollector::whatTheDiskIsTooSlowForIsSaid()
{
    QTemporaryDir dir;
    Spool spool(dir.filePath(QStringLiteral("p")), 1'000);
    spool.append("first\n");
    spool.append(std::string(2'000, 'x') + "\n");
    spool.append("last\n");
    Json output;
    spool.describe(output);
    const QString shown = textOf(output, "text");
    QVERIFY2(shown.contains(QLatin1String("slower")), qPrintable(shown));
    QVERIFY(shown.startsWith(QLatin1String("first\n")));
    QVERIFY(shown.endsWith(QLatin1String("last\n")));
    // What was taken is there.
    spool.drain();
    QFile file(dir.filePath(QStringLiteral("p")));
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(file.readAll(), QByteArray("first\n"));
}

void TestOutputCollector::whatCannotBeWrittenIsSaid()
{
    QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("file"));
    QVERIFY(QFile(file).open(QIODevice::WriteOnly));
    OutputCollector collector(Json::array(), file + QStringLiteral("/p"));
    for (int i = 0; i < 4; ++i) {
        collector.apply(message(
            "stream", {{"name", "stdout"}, {"text", std::string(MaxStreamBytes / 2, 'x') + "\n"}}));
        if (!collector.spools().empty())
            collector.spools().front()->drain();
    }
    QVERIFY(textOf(collector.outputs()[0], "text").contains(QLatin1String("could not be kept")));
}

void TestOutputCollector::ofShortLinesFewAreShown()
{
    QTemporaryDir dir;
    OutputCollector collector(Json::array(), dir.filePath(QStringLiteral("p")));
    std::string text;
    for (int i = 0; i < 200'000; ++i)
        text += std::to_string(i) + "\n";
    for (int i = 0; i < 2; ++i)
        collector.apply(message("stream", {{"name", "stdout"}, {"text", text}}));
    const QString preview = textOf(collector.outputs()[0], "text");
    QVERIFY(preview.startsWith(QLatin1String("0\n1\n")));
    QVERIFY(preview.contains(QStringLiteral("\n21\n…")));
    QVERIFY(preview.endsWith(QLatin1String("\n199998\n199999\n")));
    QCOMPARE(preview.count(QLatin1Char('\n')), 45);
}

void TestOutputCollector::outputsWithoutEndBecomeTwoTexts_data()
{
    QTest::addColumn<QString>("between");  // what comes after each two lines
    QTest::newRow("texts") << QString();
    QTest::newRow("texts and images") << QStringLiteral("d:x");
}

/// By turns to stdout and stderr: nothing is missing, and of each stream all is in its order.
void TestOutputCollector::outputsWithoutEndBecomeTwoTexts()
{
    QFETCH(QString, between);
    QTemporaryDir dir;
    OutputCollector collector(Json::array(), dir.filePath(QStringLiteral("a")));
    std::string printed[2];
    for (size_t i = 0; printed[0].size() < 2 * MaxStreamBytes; ++i) {
        const std::string line = std::string(150, 'x') + std::to_string(i) + "\n";
        for (const size_t stream : {size_t(0), size_t(1)}) {
            printed[stream] += line;
            collector.apply(
                message("stream", {{"name", stream ? "stderr" : "stdout"}, {"text", line}}));
        }
        if (!between.isEmpty())
            collector.apply(messageOf(between));
    }
    for (const auto &spool : collector.spools())
        spool->drain();
    std::string seen[2];
    size_t texts = 0;
    for (const Json &output : collector.outputs()) {
        if (textOf(output, "output_type") != QLatin1String("stream"))
            continue;
        ++texts;
        std::string &all = seen[textOf(output, "name") == QLatin1String("stderr")];
        if (const Json *files = find(output, "assets")) {
            QFile file(textOf(files->at(0), "path"));
            QVERIFY(file.open(QIODevice::ReadOnly));
            all += file.readAll().toStdString();
        } else {
            all += output["text"].get_ref<const std::string &>();
        }
    }
    QVERIFY2(texts <= MaxSeparateTexts + 2, qPrintable(QString::number(texts)));
    QCOMPARE(seen[0], printed[0]);
    const auto note = seen[1].find("celldeck: this cell has more than 10000 outputs");
    QVERIFY(note != std::string::npos);
    seen[1].erase(note, seen[1].find('\n', note) + 1 - note);
    QCOMPARE(seen[1], printed[1]);
}

QTEST_GUILESS_MAIN(TestOutputCollector)
#include "tst_outputcollector.moc"
