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
    void ofUpdatesTheLastIsKept();
    void goesOnWhereAnEarlierEngineWas_data();
    void goesOnWhereAnEarlierEngineWas();
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
    QCOMPARE(wordsOf(collector.outputs()), outputs);
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
    QVERIFY(collector.apply(shown));
    QVERIFY(
        collector.outputs() ==
        Json::array({{{"output_type", "display_data"}, {"data", data}, {"metadata", metadata}}}));
}

void TestOutputCollector::whatAnEarlierEngineShowedIsShownAnew()
{
    OutputCollector before;
    for (const char *word : {"out:text", "d#x:old", "d#y:other", "d#x:twin"})
        before.apply(messageOf(QLatin1String(word)));
    const DisplayState state = before.state();
    // Nor is harm done by places that make no sense.
    DisplayState wrong = state;
    wrong.places[QStringLiteral("x")] << 0 << 4 << -1;
    for (const DisplayState &known : {state, wrong}) {
        OutputCollector after(before.outputs(), {}, known);
        QCOMPARE(after.state(), state);
        QVERIFY(after.apply(messageOf(QStringLiteral("u#x:new"))));
        QCOMPARE(wordsOf(after.outputs()), QStringLiteral("out:text d:new d:other d:new"));
    }
}

/// A progress bar is shown anew a thousand times a minute; and a loop that shows each picture under
/// a new id shows nothing of anybody else's.
void TestOutputCollector::ofUpdatesTheLastIsKept()
{
    OutputCollector collector(Json::array(), {}, {}, {QStringLiteral("a"), QStringLiteral("b")});
    QVERIFY(!collector.apply(messageOf(QStringLiteral("u#c:1"))));
    QVERIFY(collector.apply(messageOf(QStringLiteral("d#d:1"))));
    for (const char *word : {"u#a:1", "u#b:1", "u#a:2", "clear", "d#b:2", "u#a:3"})
        QVERIFY2(collector.apply(messageOf(QLatin1String(word))), word);
    const DisplayUpdates &updates = collector.state().updates;
    QCOMPARE(updates.size(), size_t(2));
    QVERIFY(updates.at(QStringLiteral("a")).data ==
            messageOf(QStringLiteral("u:3")).content["data"]);
    QVERIFY(updates.at(QStringLiteral("b")).data ==
            messageOf(QStringLiteral("u:2")).content["data"]);
}

/// What another engine needs to know of a cell besides its outputs, it is told.
void TestOutputCollector::goesOnWhereAnEarlierEngineWas_data()
{
    QTest::addColumn<QString>("before");
    QTest::addColumn<QString>("after");
    QTest::addColumn<QString>("outputs");
    const auto row = [](const char *name, const char *before, const char *after,
                        const char *outputs) {
        QTest::newRow(name) << QString::fromLatin1(before) << QString::fromLatin1(after)
                            << QString::fromLatin1(outputs);
    };
    row("nothing is due", "out:a", "out:b", "out:a err:gap out:b");
    row("a clearing is due", "out:a d:b wait", "out:c", "err:gap out:c");
    row("and nothing more comes", "out:a wait", "u#x:1", "out:a err:gap");
    row("and it is cleared at once", "out:a wait", "clear", "");
    row("twice", "out:a wait", "wait d:b wait d:c", "d:c");
    row("what is cleared cannot be shown anew", "d#x:a wait", "d:b u#x:c", "err:gap d:b");
    row("what is shown anew", "d#x:a", "u#x:b", "d:b err:gap");
    row("also of others", "u#other:a out:b", "out:c", "out:b err:gap out:c");
}

void TestOutputCollector::goesOnWhereAnEarlierEngineWas()
{
    QFETCH(QString, before);
    QFETCH(QString, after);
    QFETCH(QString, outputs);
    OutputCollector first(Json::array(), {}, {}, {QStringLiteral("other")});
    for (const QString &word : before.split(u' '))
        first.apply(messageOf(word));
    const DisplayState state = displayStateFrom(bytesOf(first.state()));
    QCOMPARE(state, first.state());
    OutputCollector second(first.outputs(), {}, state);
    second.noteGap(QStringLiteral("gap"));
    for (const QString &word : after.split(u' '))
        second.apply(messageOf(word));
    QCOMPARE(wordsOf(second.outputs()).remove(u'\n'), outputs);
}

QTEST_GUILESS_MAIN(TestOutputCollector)
#include "tst_outputcollector.moc"
