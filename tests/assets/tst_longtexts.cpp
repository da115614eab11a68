#include <QtTest>

#include "assetfixture.h"
#include "assets/asset.h"
#include "assets/partials.h"

using namespace celldeck;
using namespace celldeck::assets;
using namespace celldeck::test;

/// Texts that are put into a file while they are printed: where, and what becomes of them.
class TestLongTexts : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void ofLongTextsOnlyWhatIsInAFileIsTaken_data();
    void ofLongTextsOnlyWhatIsInAFileIsTaken();
    void whatIsCutAndTooLongIsToldAsBoth();
    void withoutAFolderLongTextsStayInMemory();
};

void TestLongTexts::ofLongTextsOnlyWhatIsInAFileIsTaken_data()
{
    QTest::addColumn<qint64>("lost");
    QTest::newRow("all of it") << qint64(0);
    QTest::newRow("what the disk has taken of it") << qint64(500);
}

void TestLongTexts::ofLongTextsOnlyWhatIsInAFileIsTaken()
{
    QFETCH(const qint64, lost);
    const QTemporaryDir own;
    AssetFixture f(own.filePath(QStringLiteral("assets")), Takes::LongTexts);
    QVERIFY(f.opened);
    const Json others = Json::array(
        {stream(QByteArray("line\n").repeated(1'000))[0], picture(png(600, 600, Look::Noisy))[0]});
    QVERIFY(!f.store.mayTake(toBytes(others)));

    const QString folder = f.store.spoolFolderFor(f.notebook);
    QCOMPARE(folder, own.filePath(QStringLiteral("assets")));
    QCOMPARE(QFile::permissions(folder) & (QFile::ReadGroup | QFile::ReadOther),
             QFile::Permissions());
    const QByteArray text = QByteArray("printed\n").repeated(1'000);
    const QString partial = folder + QStringLiteral("/.partial-m-0.txt");
    QFile file(partial);
    QVERIFY(file.open(QIODevice::WriteOnly) && file.write(text) == text.size());
    file.close();
    Json outputs = others;
    outputs.push_back(
        {{"output_type", "stream"},
         {"name", "stdout"},
         {"text", "a preview"},
         {"assets",
          Json::array({{{"of", "text"}, {"path", partial}, {"bytes", text.size() + lost}}})}});
    QVERIFY(f.store.mayTake(toBytes(outputs)));
    const auto handed = f.handOver(outputs);
    QVERIFY2(handed, handed ? "" : qPrintable(handed.error().message));
    QVERIFY(handed->isCut);
    QVERIFY(handed->record[0] == others[0] && handed->record[1] == others[1]);
    const QString path = textOf(handed->record[2]["assets"][0], "path");
    QCOMPARE(read(path), text);
    // The name that the same text gets which is not in a file yet.
    QCOMPARE(QFileInfo(path).fileName(), nameOf(text, QStringLiteral("text/plain")));
    QCOMPARE(handed->partials, QStringList{partial});
    // Its task's record keeps it, and nothing beyond that.
    QCOMPARE(await(f.leases.list({}))->first().expires, Start);

    const WholeOutputs whole = wholeOutputs(toBytes(handed->whole));
    const auto restored = parseJson(whole.json);
    QVERIFY(restored);
    const QByteArray now = textOf((*restored)[2], "text").toUtf8();
    QCOMPARE(now.startsWith(text), true);
    QCOMPARE(now.size() > text.size(), lost > 0);
    QCOMPARE(whole.leftOut.size(), lost > 0 ? 1 : 0);
    if (lost > 0) {
        QVERIFY(now.contains("8500 bytes were printed, of which only the first 8000"));
        QVERIFY(whole.leftOut.first().isLost);
    }
}

void TestLongTexts::whatIsCutAndTooLongIsToldAsBoth()
{
    const Json outputs = Json::array({{{"output_type", "stream"},
                                       {"text", "a preview"},
                                       {"assets", Json::array({{{"of", "text"},
                                                                {"path", "/there"},
                                                                {"bytes", MaxNotebookTextBytes + 1},
                                                                {"cut", "a line"}}})}}});
    const WholeOutputs whole = wholeOutputs(toBytes(outputs));
    QCOMPARE(whole.leftOut.size(), 2);
    QCOMPARE(whole.leftOut.first().path, QStringLiteral("/there"));
    QVERIFY(!whole.leftOut.first().isLost);
    QVERIFY(whole.leftOut.last().isLost);
}

void TestLongTexts::withoutAFolderLongTextsStayInMemory()
{
    const QTemporaryDir own;
    const QString folder = own.filePath(QStringLiteral("assets"));
    QFile inTheWay(folder);
    QVERIFY(inTheWay.open(QIODevice::WriteOnly));
    const AssetFixture f(folder, Takes::LongTexts);
    QCOMPARE(f.store.spoolFolderFor(f.notebook), QString());
}

QTEST_GUILESS_MAIN(TestLongTexts)
#include "tst_longtexts.moc"
