#include <QTemporaryDir>
#include <QtTest>

#include "outputwords.h"

using namespace celldeck;
using namespace celldeck::kernels;
using namespace celldeck::test;

/// Texts that are too long for memory: in their files, and in what is shown of them.
class TestSpool : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aLongTextGoesToItsFile();
    void aLongTextIsPrintedLikeAnyOther();
    void manyLongTextsKeepNoFilesOpen();
    void aClearedTextLeavesNoFile();
    void whatTheDiskIsTooSlowForIsSaid();
    void whatCannotBeWrittenIsSaid();
    void ofShortLinesFewAreShown();
    void outputsWithoutEndBecomeTwoTexts_data();
    void outputsWithoutEndBecomeTwoTexts();
};

/// Whole, in its order, and only what is one text: memory keeps the ends.
void TestSpool::aLongTextGoesToItsFile()
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
void TestSpool::aLongTextIsPrintedLikeAnyOther()
{
    const auto print = [](OutputCollector &collector, const QByteArray &text) {
        Message said = message("stream", {{"name", "stdout"}});
        said.longText = std::make_shared<LongText>(text, text);
        return collector.apply(said);
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

void TestSpool::manyLongTextsKeepNoFilesOpen()
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

void TestSpool::aClearedTextLeavesNoFile()
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

void TestSpool::whatTheDiskIsTooSlowForIsSaid()
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

void TestSpool::whatCannotBeWrittenIsSaid()
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

void TestSpool::ofShortLinesFewAreShown()
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

void TestSpool::outputsWithoutEndBecomeTwoTexts_data()
{
    QTest::addColumn<QString>("between");  // what comes after each two lines
    QTest::newRow("texts") << QString();
    QTest::newRow("texts and images") << QStringLiteral("d:x");
}

/// By turns to stdout and stderr: nothing is missing, and of each stream all is in its order.
void TestSpool::outputsWithoutEndBecomeTwoTexts()
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

QTEST_GUILESS_MAIN(TestSpool)
#include "tst_spool.moc"
