#include <QtTest>

#include "outputwords.h"

using namespace celldeck;
using namespace celldeck::kernels;
using namespace celldeck::test;

class TestOutputCollector : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void collects_data();
    void collects();
    void whatIsMalformedHarmsNothing_data();
    void whatIsMalformedHarmsNothing();
    void everyMimeTypeIsKept();
    void whatAnEarlierEngineShowedIsShownAnew();
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

QTEST_GUILESS_MAIN(TestOutputCollector)
#include "tst_outputcollector.moc"
