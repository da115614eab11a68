#include <QDir>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>

#include "notebooks/notebookfile.h"

using namespace celldeck;
using namespace celldeck::notebooks;

namespace {

QByteArray read(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("cannot be read");
}

QString sample(const QString &name)
{
    return QStringLiteral(SAMPLES "/") + name;
}

/// What nbformat writes for the notebook with these outputs in its cell `index`.
QByteArray byNbformat(const QString &path, int index, const QByteArray &outputs)
{
    QProcess python;
    python.start(
        QStringLiteral("/usr/bin/python3"),
        {QStringLiteral("-c"),
         QStringLiteral("import sys, json, nbformat\n"
                        "nb = nbformat.read(sys.argv[1], 4)\n"
                        "c = nb.cells[int(sys.argv[2])]\n"
                        "c.outputs = [nbformat.from_dict(o) for o in json.load(sys.stdin)]\n"
                        "c.execution_count = 7\n"
                        "sys.stdout.write(nbformat.writes(nb) + '\\n')\n"),
         path, QString::number(index)});
    python.write(outputs);
    python.closeWriteChannel();
    python.waitForFinished();
    return python.readAllStandardOutput();
}

}  // namespace

class TestNotebookFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void samplesAreReadOrRefused_data();
    void samplesAreReadOrRefused();
    void badFilesAreNamed_data();
    void badFilesAreNamed();
    void whatCannotBeLookedUpIsNotMissing();
    void everyPrefixIsRefused();
    void aMergeIsWhatNbformatWrites();
    void theSameResultsChangeNothing();
    void layoutIsKept_data();
    void layoutIsKept();
    void theLanguageIsWrittenWhereThereIsNone_data();
    void theLanguageIsWrittenWhereThereIsNone();
    void aChangedCellIsLeftAlone();
    void cellsAreFoundByIdWhereTheyMoved();
    void aLinkStaysALinkAndRightsStay();
    void parametersGoBehindTheirCell();
    void nothingIsLeftWhereWritingFails();
};

void TestNotebookFile::samplesAreReadOrRefused_data()
{
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("refusal");
    QTest::newRow("invalid") << "invalid.ipynb" << "cell";
    QTest::newRow("cell id") << "invalid_cell_id.ipynb" << "$illegal_chars";
    QTest::newRow("twice the id") << "invalid_unique_cell_id.ipynb" << "cell 1 has the id \"dup\"";
    QTest::newRow("v3") << "test3.ipynb" << "format 3";
    QTest::newRow("4.5") << "test4.5.ipynb" << "";
    QTest::newRow("4") << "test4.ipynb" << "";
    QTest::newRow("custom") << "test4custom.ipynb" << "";
    QTest::newRow("no id") << "v4_5_no_cell_id.ipynb" << "";
}

void TestNotebookFile::samplesAreReadOrRefused()
{
    QFETCH(QString, name);
    QFETCH(QString, refusal);
    const auto notebook = loadNotebook(sample(name));
    if (refusal.isEmpty()) {
        QVERIFY2(notebook, notebook ? "" : qPrintable(notebook.error().message));
        QVERIFY(!notebook->cells.isEmpty());
        return;
    }
    QVERIFY(!notebook);
    QCOMPARE(notebook.error().code, ErrorCode::InvalidArgument);
    QVERIFY2(notebook.error().message.contains(refusal), qPrintable(notebook.error().message));
    QVERIFY(notebook.error().message.startsWith(sample(name)));
}

void TestNotebookFile::badFilesAreNamed_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("says");
    const auto with = [](const char *cell) -> QByteArray {
        return QByteArray("{\"nbformat\":4,\"nbformat_minor\":5,\"metadata\":{},\"cells\":[") +
               cell + "]}";
    };
    QTest::newRow("empty") << QByteArray() << "not valid JSON";
    QTest::newRow("json") << QByteArray("[1]") << "not an object";
    QTest::newRow("other json") << QByteArray("{}") << "nbformat";
    QTest::newRow("newer") << QByteArray(R"({"nbformat":5,"nbformat_minor":0})") << "5.0";
    QTest::newRow("no cells") << QByteArray(R"({"nbformat":4,"nbformat_minor":5,"metadata":{}})")
                              << "list of cells";
    QTest::newRow("cell") << with("1") << "cell 0 is not an object";
    QTest::newRow("type") << with(R"({"cell_type":"heading"})") << "\"heading\"";
    QTest::newRow("outputs") << with(R"({"cell_type":"code","source":""})") << "outputs";
    QTest::newRow("source") << with(R"({"cell_type":"raw","metadata":{},"source":3})") << "source";
    QTest::newRow("utf-8") << with("\"\xff\"") << "not valid JSON";
    QTest::newRow("deep") << QByteArray(100'000, '[') << "not valid JSON";
}

void TestNotebookFile::badFilesAreNamed()
{
    QFETCH(QByteArray, text);
    QFETCH(QString, says);
    const auto notebook = parseNotebook(text, QStringLiteral("a.ipynb"));
    QVERIFY(!notebook);
    QCOMPARE(notebook.error().code, ErrorCode::InvalidArgument);
    QVERIFY2(notebook.error().message.startsWith(QStringLiteral("a.ipynb")) &&
                 notebook.error().message.contains(says),
             qPrintable(notebook.error().message));
}

void TestNotebookFile::whatCannotBeLookedUpIsNotMissing()
{
    const QTemporaryDir folder;
    const QString loop = folder.filePath(QStringLiteral("loop.ipynb"));
    QVERIFY(QFile::link(loop, loop));
    const auto path = canonicalPath(loop);
    QVERIFY(!path);
    QCOMPARE(path.error().code, ErrorCode::Io);
    QVERIFY2(path.error().message.contains(QStringLiteral("symbolic links")),
             qPrintable(path.error().message));
    QCOMPARE(readNotebookText(loop).error().code, ErrorCode::Io);
    QCOMPARE(readNotebookText(loop + QStringLiteral("-not")).error().code, ErrorCode::NotFound);
}

void TestNotebookFile::everyPrefixIsRefused()
{
    const QByteArray text = read(sample(QStringLiteral("test4custom.ipynb"))).trimmed();
    for (qsizetype i = 0; i < text.size(); ++i)
        QVERIFY2(!parseNotebook(text.left(i), QStringLiteral("x")), qPrintable(QString::number(i)));
    QVERIFY(parseNotebook(text, QStringLiteral("x")));
}

void TestNotebookFile::aMergeIsWhatNbformatWrites()
{
    const QByteArray outputs = R"([
        {"output_type":"stream","name":"stdout","text":"a\nb\r\nü €\u2028c\u000b\u001b[31mred"},
        {"output_type":"display_data","metadata":{"z":1.0,"a":[],"e":{}},
         "data":{"text/plain":"x\ny","image/png":"iVBOR\n","application/json":{"k":"l\nm","f":1e-07}}},
        {"output_type":"execute_result","execution_count":7,"metadata":{},"data":{"text/plain":""}},
        {"output_type":"error","ename":"E","evalue":"v","traceback":["l1\nl2","\u007f\u0001\"\\/"]}])";
    for (const QString &name : {QStringLiteral("test4.5.ipynb"), QStringLiteral("test4.ipynb")}) {
        const auto notebook = loadNotebook(sample(name));
        QVERIFY(notebook);
        int index = 0;
        while (notebook->cells[index].kind != CellKind::Code)
            ++index;
        const QByteArray expected = byNbformat(sample(name), index, outputs);
        QVERIFY(expected.size() > 1000);
        // From a file that nbformat wrote.
        const QByteArray before = byNbformat(sample(name), index, "[]");
        const auto merge = mergeResults(before, {{.index = index,
                                                  .cellId = notebook->cells[index].id,
                                                  .source = notebook->cells[index].source,
                                                  .executionCount = 7,
                                                  .outputs = outputs}});
        QVERIFY(merge);
        QVERIFY(merge->missed.isEmpty());
        // Line by line, so that a failure shows which.
        const QList<QByteArray> lines = merge->text.split('\n');
        const QList<QByteArray> wanted = expected.split('\n');
        for (int i = 0; i < qMin(lines.size(), wanted.size()); ++i)
            QCOMPARE(lines[i], wanted[i]);
        QCOMPARE(lines.size(), wanted.size());
    }
}

void TestNotebookFile::theSameResultsChangeNothing()
{
    QDir samples(sample(QString()));
    for (const QString &name : {QStringLiteral("test4.5.ipynb"), QStringLiteral("test4.ipynb"),
                                QStringLiteral("test4custom.ipynb")}) {
        const QByteArray text = read(sample(name));
        const auto notebook = parseNotebook(text, name);
        const auto json = parseJson(text);
        QVERIFY(notebook && json);
        QList<CellResult> results;
        for (int i = 0; i < notebook->cells.size(); ++i) {
            if (notebook->cells[i].kind != CellKind::Code)
                continue;
            const Json &cell = json->at("cells").at(static_cast<size_t>(i));
            results << CellResult{.index = i,
                                  .cellId = notebook->cells[i].id,
                                  .source = notebook->cells[i].source,
                                  .executionCount = findInt(cell, "execution_count"),
                                  .outputs = toBytes(cell.at("outputs"))};
        }
        QVERIFY(!results.isEmpty());
        const auto merge = mergeResults(text, results);
        QVERIFY(merge);
        QCOMPARE(merge->text, text);
    }
}

void TestNotebookFile::layoutIsKept_data()
{
    QTest::addColumn<QByteArray>("before");
    QTest::addColumn<QByteArray>("after");
    QTest::newRow("one line")
        << QByteArray(
               R"({"cells":[{"cell_type":"code","execution_count":null,"metadata":{},)"
               R"("outputs":[],"source":"x"}],"metadata":{},"nbformat":4,"nbformat_minor":4})")
        << QByteArray(
               R"({"cells":[{"cell_type":"code","execution_count":1,"metadata":{},)"
               R"("outputs":[{"name":"stdout","output_type":"stream","text":["a"]}],"source":"x"}],)"
               R"("metadata":{},"nbformat":4,"nbformat_minor":4})");
    QTest::newRow("tabs, crlf, odd order")
        << QByteArray(
               "{\r\n\t\"nbformat\": 4, \"nbformat_minor\": 4,\r\n\t\"metadata\": {},\r\n"
               "\t\"cells\": [{\"outputs\": [], \"cell_type\": \"code\", \"metadata\": {},"
               " \"source\": [\"x\"],\r\n\"execution_count\":  null}]\r\n}\r\n")
        << QByteArray(
               "{\r\n\t\"nbformat\": 4, \"nbformat_minor\": 4,\r\n\t\"metadata\": {},\r\n"
               "\t\"cells\": [{\"outputs\": [\r\n\t\t\t\t{\r\n\t\t\t\t\t\"name\": \"stdout\","
               "\r\n\t\t\t\t\t\"output_type\": \"stream\",\r\n\t\t\t\t\t\"text\": [\r\n"
               "\t\t\t\t\t\t\"a\"\r\n\t\t\t\t\t]\r\n\t\t\t\t}\r\n\t\t\t], \"cell_type\": "
               "\"code\", \"metadata\": {}, \"source\": [\"x\"],\r\n\"execution_count\":  1}]"
               "\r\n}\r\n");
}

void TestNotebookFile::layoutIsKept()
{
    QFETCH(QByteArray, before);
    QFETCH(QByteArray, after);
    const CellResult result{.index = 0,
                            .cellId = {},
                            .source = QStringLiteral("x"),
                            .executionCount = 1,
                            .outputs = R"([{"output_type":"stream","name":"stdout","text":"a"}])"};
    const auto merge = mergeResults(before, {result});
    QVERIFY(merge);
    QCOMPARE(QString::fromUtf8(merge->text), QString::fromUtf8(after));
    const auto again = mergeResults(merge->text, {result});
    QVERIFY(again);
    QCOMPARE(again->text, merge->text);
}

void TestNotebookFile::theLanguageIsWrittenWhereThereIsNone_data()
{
    QTest::addColumn<QByteArray>("metadata");
    QTest::addColumn<QByteArray>("expected");
    const auto row = [](const char *name, const char *metadata, const char *expected) {
        QTest::newRow(name) << QByteArray(metadata) << QByteArray(expected);
    };
    row("nothing else", "{}", R"({"language_info": {"name": "x"}})");
    row("behind others", R"({"kernelspec": {"name": "k"}})",
        R"({"kernelspec": {"name": "k"}, "language_info": {"name": "x"}})");
    row("before others", R"({"widgets": {}})",
        R"({"language_info": {"name": "x"}, "widgets": {}})");
    row("between others", R"({"a": 1, "z": 2})",
        R"({"a": 1, "language_info": {"name": "x"}, "z": 2})");
    row("it has one", R"({"language_info": {"name": "y"}})", R"({"language_info": {"name": "y"}})");
    row("in lines", "{\n  \"a\": 1,\n  \"z\": 2\n }",
        "{\n  \"a\": 1,\n  \"language_info\": {\n   \"name\": \"x\"\n  },\n  \"z\": 2\n }");
}

void TestNotebookFile::theLanguageIsWrittenWhereThereIsNone()
{
    QFETCH(const QByteArray, metadata);
    QFETCH(const QByteArray, expected);
    const bool inLines = metadata.contains('\n');
    const QByteArray before =
        inLines ? "{\n \"cells\": [],\n \"metadata\": " : R"({"cells": [], "metadata": )";
    const QByteArray after = inLines ? ",\n \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n"
                                     : R"(, "nbformat": 4, "nbformat_minor": 5})";
    const auto written = withLanguage(before + metadata + after, {{"name", "x"}});
    QVERIFY(written);
    QCOMPARE(*written, before + expected + after);
    QVERIFY(parseNotebook(*written, {}));
    // What is no language changes nothing.
    QCOMPARE(*withLanguage(before + metadata + after, Json()), before + metadata + after);
}

void TestNotebookFile::aChangedCellIsLeftAlone()
{
    const QByteArray text = read(sample(QStringLiteral("v4_5_no_cell_id.ipynb")));
    const auto merge = mergeResults(text, {{.index = 0,
                                            .cellId = {},
                                            .source = QStringLiteral("something else"),
                                            .executionCount = 1,
                                            .outputs = "[]"}});
    QVERIFY(merge);
    QCOMPARE(merge->missed, QList<int>{0});
    QCOMPARE(merge->text, text);
}

void TestNotebookFile::cellsAreFoundByIdWhereTheyMoved()
{
    const QByteArray text =
        R"({"cells":[{"cell_type":"raw","id":"new","metadata":{},"source":""},)"
        R"({"cell_type":"code","execution_count":null,"id":"a","metadata":{},"outputs":[],"source":"x"}],)"
        R"("metadata":{},"nbformat":4,"nbformat_minor":5})";
    const auto merge = mergeResults(text, {{.index = 0,
                                            .cellId = QStringLiteral("a"),
                                            .source = QStringLiteral("x"),
                                            .executionCount = 9,
                                            .outputs = "[]"}});
    QVERIFY(merge);
    QVERIFY(merge->missed.isEmpty());
    QVERIFY(merge->text.contains("\"execution_count\":9,\"id\":\"a\""));
}

void TestNotebookFile::aLinkStaysALinkAndRightsStay()
{
    QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("a.ipynb"));
    const QString link = dir.filePath(QStringLiteral("link.ipynb"));
    QVERIFY(QFile::copy(sample(QStringLiteral("v4_5_no_cell_id.ipynb")), file));
    QVERIFY(QFile::setPermissions(file, QFile::ReadOwner | QFile::WriteOwner | QFile::ReadOther));
    QVERIFY(QFile::link(file, link));
    const auto rights = QFile::permissions(file);
    const auto missed = writeResults(link, link,
                                     {{.index = 0,
                                       .cellId = {},
                                       .source = QStringLiteral("\"foo\""),
                                       .executionCount = 5,
                                       .outputs = "[]"}});
    QVERIFY(missed);
    QVERIFY(QFileInfo(link).isSymLink());
    QVERIFY(read(file).contains("\"execution_count\": 5"));
    QCOMPARE(QFile::permissions(file), rights);
    QCOMPARE(QDir(dir.path()).entryList(QDir::Files | QDir::Hidden).size(), 2);
}

void TestNotebookFile::parametersGoBehindTheirCell()
{
    const QByteArray text =
        "{\n \"cells\": [\n  {\n   \"cell_type\": \"code\",\n   \"execution_count\": null,\n"
        "   \"id\": \"p\",\n   \"metadata\": {\n    \"tags\": [\n     \"parameters\"\n    ]\n   "
        "},\n"
        "   \"outputs\": [],\n   \"source\": [\n    \"n = 1\"\n   ]\n  }\n ],\n \"metadata\": {},\n"
        " \"nbformat\": 4,\n \"nbformat_minor\": 5\n}\n";
    const auto once = withParameters(text, {QStringLiteral("n = 2"), QString()});
    QVERIFY(once);
    auto notebook = parseNotebook(once->text, QStringLiteral("x"));
    QVERIFY(notebook);
    QCOMPARE(notebook->cells.size(), 2);
    QCOMPARE(notebook->cells[1].source, QStringLiteral("# Parameters\nn = 2"));
    QVERIFY(!notebook->cells[1].id.isEmpty());
    const auto twice = withParameters(once->text, {QStringLiteral("n = 3"), QString()});
    QVERIFY(twice);
    notebook = parseNotebook(twice->text, QStringLiteral("x"));
    QCOMPARE(notebook->cells.size(), 2);
    QCOMPARE(notebook->cells[1].source, QStringLiteral("# Parameters\nn = 3"));
    QVERIFY(twice->text.startsWith(text.left(text.indexOf("n = 1"))));
}

void TestNotebookFile::nothingIsLeftWhereWritingFails()
{
    QTemporaryDir dir;
    const Result<> written = writeAtomically(dir.filePath(QStringLiteral("none/a.ipynb")), "text");
    QVERIFY(!written);
    QCOMPARE(written.error().code, ErrorCode::Io);
    QVERIFY(written.error().message.contains(QStringLiteral("none/a.ipynb")));
    QVERIFY(QDir(dir.path()).isEmpty(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot));
}

QTEST_GUILESS_MAIN(TestNotebookFile)
#include "tst_notebookfile.moc"
