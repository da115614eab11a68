#include <QProcess>
#include <QRandomGenerator>
#include <QtTest>
#include <bit>
#include <cmath>

#include "notebooks/pythonjson.h"

using namespace celldeck;
using namespace celldeck::notebooks;

namespace {

/// What a Python program prints for `input`.
QByteArray python(const QString &program, const QByteArray &input)
{
    QProcess process;
    process.start(QStringLiteral("/usr/bin/python3"), {QStringLiteral("-c"), program});
    process.write(input);
    process.closeWriteChannel();
    if (!process.waitForFinished(30'000) || process.exitCode() != 0)
        return "python failed: " + process.readAllStandardError();
    return process.readAllStandardOutput();
}

Json randomValue(QRandomGenerator &random, int depth)
{
    static const QStringList texts{
        QString(),
        QStringLiteral("a\nb\tc\r\b\f\"\\/"),
        QStringLiteral("\u0001\u001f\u007f\u0080"),
        QStringLiteral("ü€\u2028\u2029\ufeff\U0001f34e"),
        QStringLiteral("Z"),
        QStringLiteral("\uffff"),
        QStringLiteral("\U00010000"),
    };
    const auto text = [&] { return texts[random.bounded(static_cast<int>(texts.size()))]; };
    switch (random.bounded(depth > 0 ? 7 : 5)) {
    case 0:
        return nullptr;
    case 1:
        return random.bounded(2) == 0;
    case 2:
        return static_cast<std::int64_t>(random.generate64());
    case 3:
        return Json(text());
    case 4:
        return random.bounded(1000) / 8.0;
    case 5: {
        Json list = Json::array();
        for (int i = random.bounded(4); i > 0; --i)
            list.push_back(randomValue(random, depth - 1));
        return list;
    }
    default: {
        Json object = Json::object();
        for (int i = random.bounded(4); i > 0; --i)
            object[text().toStdString()] = randomValue(random, depth - 1);
        return object;
    }
    }
}

}  // namespace

class TestPythonJson : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void floatsAreWrittenAsPythonDoes()
    {
        QRandomGenerator random(1);
        Json numbers = {0.0,
                        -0.0,
                        1e15,
                        1.5e15,
                        9999999999999998.0,
                        1e16,
                        1e22,
                        1e-4,
                        1e-5,
                        0.1,
                        123.456,
                        5e-324,
                        1.0,
                        -2.5,
                        1e100,
                        1e23,
                        12345678901234567890.0,
                        0.00012345};
        while (numbers.size() < 20'000) {
            const double any = std::bit_cast<double>(random.generate64());
            if (std::isfinite(any))
                numbers.push_back(any);
            // Those of everyday sizes are rare among all bit patterns.
            numbers.push_back((random.generateDouble() - 0.5) *
                              std::pow(10.0, random.bounded(-8, 20)));
        }
        const QByteArray expected =
            python(QStringLiteral("import sys, json\n"
                                  "for n in json.load(sys.stdin): print(json.dumps(n))"),
                   toBytes(numbers));
        const QList<QByteArray> lines = expected.trimmed().split('\n');
        QCOMPARE(static_cast<size_t>(lines.size()), numbers.size());
        for (size_t i = 0; i < numbers.size(); ++i)
            QCOMPARE(toPythonJson(numbers[i], Layout()), lines[static_cast<qsizetype>(i)]);
    }

    void whatJsonDoesNotHaveIsNull()
    {
        QCOMPARE(toPythonJson(Json(std::nan("")), Layout()), QByteArray("null"));
        QCOMPARE(toPythonJson(Json(std::string("a\xff")), Layout()),
                 QByteArray("\"a\xef\xbf\xbd\""));
    }

    void valuesAreWrittenAsPythonDoes_data()
    {
        QTest::addColumn<QString>("options");
        QTest::addColumn<bool>("inLines");
        QTest::addColumn<QByteArray>("indent");
        QTest::addColumn<QByteArray>("comma");
        QTest::addColumn<QByteArray>("colon");
        const auto row = [](const char *name, const char *options, bool inLines, QByteArray indent,
                            QByteArray comma, QByteArray colon) {
            QTest::newRow(name) << QString::fromLatin1(options) << inLines << indent << comma
                                << colon;
        };
        row("as nbformat", "indent=1, separators=(',', ': ')", true, " ", ", ", ": ");
        row("four", "indent=4", true, "    ", ", ", ": ");
        row("tab", "indent='\\t'", true, "\t", ", ", ": ");
        row("none", "indent=0", true, "", ", ", ": ");
        row("one line", "indent=None", false, "", ", ", ": ");
        row("compact", "separators=(',', ':')", false, "", ",", ":");
    }

    void valuesAreWrittenAsPythonDoes()
    {
        QFETCH(QString, options);
        QFETCH(bool, inLines);
        QFETCH(QByteArray, indent);
        QFETCH(QByteArray, comma);
        QFETCH(QByteArray, colon);
        QRandomGenerator random(2);
        Json values = Json::array();
        for (int i = 0; i < 300; ++i)
            values.push_back(randomValue(random, 5));
        const QByteArray expected = python(
            QStringLiteral("import sys, json\n"
                           "sys.stdout.reconfigure(newline='', encoding='utf-8')\n"
                           "sys.stdout.write(json.dumps(json.load(sys.stdin), sort_keys=True, "
                           "ensure_ascii=False, %1))")
                .arg(options),
            toBytes(values));
        const Layout layout{
            .inLines = inLines, .indent = indent, .newline = "\n", .colon = colon, .comma = comma};
        const QByteArray written = toPythonJson(values, layout);
        const QList<QByteArray> lines = written.split('\n');
        const QList<QByteArray> wanted = expected.split('\n');
        for (int i = 0; i < qMin(lines.size(), wanted.size()); ++i)
            QCOMPARE(lines[i], wanted[i]);
        QCOMPARE(lines.size(), wanted.size());
        // And its layout is found again.
        if (!indent.isEmpty() || !inLines) {
            const QByteArray text = toPythonJson(Json{{"b", 1}, {"c", 2}}, layout);
            QCOMPARE(layoutOf(text, members(text, rootSpan(text))), layout);
        }
    }

    void linesAreSplitAsPythonDoes()
    {
        static const QList<QByteArray> parts{"a",    "\n",           "\r",           "\r\n",
                                             "\v",   "\f",           "\x1c",         "\x1d",
                                             "\x1e", "\x1f",         "\xc2\x85",     "\xe2\x80\xa8",
                                             "ü",    "\xe2\x80\xa9", "\xe2\x80\xa7", "\xc2\x84"};
        QRandomGenerator random(3);
        Json texts = Json::array({"", "\n", "a", "a\n", "\r\n\r"});
        while (texts.size() < 3000) {
            QByteArray text;
            for (int i = random.bounded(12); i > 0; --i)
                text += parts[random.bounded(static_cast<int>(parts.size()))];
            texts.push_back(text.toStdString());
        }
        const auto expected =
            parseJson(python(QStringLiteral("import sys, json\n"
                                            "print(json.dumps([t.splitlines(True) for t in "
                                            "json.load(sys.stdin)]))"),
                             toBytes(texts)));
        QVERIFY(expected);
        QCOMPARE(expected->size(), texts.size());
        for (size_t i = 0; i < texts.size(); ++i)
            QCOMPARE(toBytes(splitLines(texts[i].get<std::string>())), toBytes(expected->at(i)));
    }

    void onlyTextsOfOutputsAreSplit_data()
    {
        QTest::addColumn<QByteArray>("output");
        QTest::addColumn<QByteArray>("split");
        const auto data = [](const char *content) -> QByteArray {
            return QByteArray(R"({"data":{)") + content + R"(},"output_type":"display_data"})";
        };
        const auto row = [](const char *name, const QByteArray &output, const QByteArray &split) {
            QTest::newRow(name) << output << split;
        };
        row("stream", R"({"output_type":"stream","text":"a\nb"})",
            R"({"output_type":"stream","text":["a\n","b"]})");
        row("text", data(R"("text/html":"a\nb")"), data(R"("text/html":["a\n","b"])"));
        row("svg", data(R"("image/svg+xml":"a\nb")"), data(R"("image/svg+xml":["a\n","b"])"));
        row("png", data(R"("image/png":"a\nb\n")"), data(R"("image/png":"a\nb\n")"));
        row("json", data(R"("application/json":"a\nb")"), data(R"("application/json":"a\nb")"));
        row("vendor", data(R"("application/x+json":["a\n"])"),
            data(R"("application/x+json":["a\n"])"));
        row("error", R"({"evalue":"a\nb","output_type":"error","traceback":["a\nb"]})",
            R"({"evalue":"a\nb","output_type":"error","traceback":["a\nb"]})");
        row("no text", R"({"output_type":"stream","text":3})",
            R"({"output_type":"stream","text":3})");
        row("no object", "7", "7");
    }

    void onlyTextsOfOutputsAreSplit()
    {
        QFETCH(QByteArray, output);
        QFETCH(QByteArray, split);
        const Json json = *parseJson(output);
        QCOMPARE(toBytes(withSplitLines(json)), split);
        QCOMPARE(toBytes(withJoinedLines(withSplitLines(json))), toBytes(json));
    }
};

QTEST_GUILESS_MAIN(TestPythonJson)
#include "tst_pythonjson.moc"
