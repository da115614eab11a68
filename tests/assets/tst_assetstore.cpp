#include <QBuffer>
#include <QDir>
#include <QFile>
#include <QImage>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtTest>

#include "assets/asset.h"
#include "assets/assetfolder.h"
#include "assets/assetreader.h"
#include "assets/assetstore.h"
#include "assets/partials.h"
#include "assets/thumbnail.h"
#include "storage/database.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::assets;
using celldeck::test::await;

namespace {

constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};

struct Fixture
{
    explicit Fixture(const QString &directory = {}, Takes takes = Takes::BigParts)
        : database(dir.filePath(QStringLiteral("state.db"))),
          leases(database),
          keeper(leases, clock),
          notebook(dir.filePath(QStringLiteral("w/a.ipynb"))),
          store(keeper, {.directory = directory, .takes = takes})
    {
        QDir().mkpath(dir.filePath(QStringLiteral("w")));
        opened = database.open();
        if (opened)
            opened = await(keeper.start());
    }

    Result<HandedOver> handOver(const Json &outputs)
    {
        return await(store.handOver(notebook, outputs, storage::TaskId()));
    }
    [[nodiscard]] QStringList files() const
    {
        return QDir(dir.filePath(QStringLiteral("w/assets"))).entryList(QDir::Files, QDir::Name);
    }

    QTemporaryDir dir;
    ManualClock clock{Start};
    storage::Database database;
    storage::LeaseStore leases;
    LeaseKeeper keeper;
    const QString notebook;
    AssetStore store;
    Result<> opened;
};

QByteArray read(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("not there");
}

Json stream(const QByteArray &text)
{
    return Json::array(
        {{{"output_type", "stream"}, {"name", "stdout"}, {"text", text.toStdString()}}});
}

Json picture(const QByteArray &png)
{
    return Json::array({{{"output_type", "display_data"},
                         {"data", {{"image/png", png.toBase64().toStdString()}}},
                         {"metadata", Json::object()}}});
}

enum class Look { Plain, Noisy };

QByteArray png(int width, int height, Look look)
{
    QImage image(width, height, QImage::Format_ARGB32);
    image.fill(Qt::transparent);
    auto random = QRandomGenerator(7);
    if (look == Look::Noisy) {
        for (int y = 0; y < height; ++y)
            random.generate(reinterpret_cast<quint32 *>(image.scanLine(y)),
                            reinterpret_cast<quint32 *>(image.scanLine(y)) + width);
    }
    QByteArray bytes;
    QBuffer buffer(&bytes);
    image.save(&buffer, "PNG");
    return bytes;
}

}  // namespace

/// Big outputs in files: where, under which name, kept by whom, and read how.
class TestAssetStore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void smallOutputsMakeNoFile();
    void aLongTextIsWholeInItsFileAndLeased();
    void theSameContentIsOneFile();
    void aDamagedFileIsMadeAnew();
    void anImageIsDecodedAndHasASmallCopy();
    void aModelGetsNoMoreThanItCanTake_data();
    void aModelGetsNoMoreThanItCanTake();
    void whatIsNoImageIsRefused();
    void nothingIsWrittenThroughALink_data();
    void nothingIsWrittenThroughALink();
    void aFolderThatCannotBeMadeIsTold();
    void oneFolderForAll();
    void ofLongTextsOnlyWhatIsInAFileIsTaken_data();
    void ofLongTextsOnlyWhatIsInAFileIsTaken();
    void whatIsCutAndTooLongIsToldAsBoth();
    void withoutAFolderLongTextsStayInMemory();
    void linesAreReadByRangeAndSearch_data();
    void linesAreReadByRangeAndSearch();
    void longLinesAndLongAnswersAreBounded();
    void noLinkIsRead();
};

void TestAssetStore::smallOutputsMakeNoFile()
{
    Fixture f;
    QVERIFY(f.opened);
    const auto handed = f.handOver(stream("hello"));
    QVERIFY(handed);
    QVERIFY(handed->shown == stream("hello") && handed->record == stream("hello"));
    QVERIFY(!QFile::exists(f.dir.filePath(QStringLiteral("w/assets"))));
    QVERIFY(await(f.leases.list({}))->isEmpty());
}

void TestAssetStore::aLongTextIsWholeInItsFileAndLeased()
{
    Fixture f;
    const QByteArray text = QByteArray("ü line\n").repeated(1'000);
    const auto handed = f.handOver(stream(text));
    QVERIFY2(handed, handed ? "" : qPrintable(handed.error().message));
    QVERIFY(handed->record == stream(text));
    const QString path = textOf(handed->shown[0]["assets"][0], "path");
    QCOMPARE(f.files(), QStringList{QFileInfo(path).fileName()});
    QVERIFY(path.endsWith(QLatin1String(".txt")));
    QCOMPARE(read(path), text);
    const auto leases = await(f.leases.list({}));
    QCOMPARE(*leases, (QList<storage::Lease>{{.asset = path,
                                              .notebookPath = f.notebook,
                                              .bytes = text.size(),
                                              .createdAt = Start,
                                              .lastSeen = Start,
                                              .expires = Start + LeasePeriod}}));
}

void TestAssetStore::theSameContentIsOneFile()
{
    Fixture f;
    const QByteArray text(5'000, 'x');
    QVERIFY(f.handOver(stream(text)));
    const QDateTime made =
        QFileInfo(f.dir.filePath(QStringLiteral("w/assets/")) + f.files().first()).lastModified();
    f.clock.advance(std::chrono::hours(2));
    QVERIFY(f.handOver(stream(text)));
    QCOMPARE(f.files().size(), 1);
    QCOMPARE(
        QFileInfo(f.dir.filePath(QStringLiteral("w/assets/")) + f.files().first()).lastModified(),
        made);
    const auto leases = await(f.leases.list({}));
    QCOMPARE(leases->size(), 1);
    QCOMPARE(leases->first().createdAt, Start);
    QCOMPARE(leases->first().expires, f.clock.now() + LeasePeriod);
}

void TestAssetStore::aDamagedFileIsMadeAnew()
{
    Fixture f;
    const QByteArray text(5'000, 'x');
    QVERIFY(f.handOver(stream(text)));
    const QString path = f.dir.filePath(QStringLiteral("w/assets/")) + f.files().first();
    QFile file(path);
    QVERIFY(file.open(QIODevice::ReadWrite) && file.write("y") == 1);
    file.close();
    QVERIFY(f.handOver(stream(text)));
    QCOMPARE(read(path), text);
}

void TestAssetStore::anImageIsDecodedAndHasASmallCopy()
{
    Fixture f;
    const QByteArray small = png(10, 10, Look::Plain);
    auto handed = f.handOver(picture(small));
    QVERIFY(handed);
    const Json little = handed->shown[0]["assets"][0];
    QCOMPARE(read(textOf(little, "path")), small);
    QVERIFY(!little.contains("thumbnail"));
    const QByteArray wide = png(3'000, 20, Look::Plain);
    handed = f.handOver(picture(wide));
    const Json large = handed->shown[0]["assets"][0];
    QCOMPARE(read(textOf(large, "path")), wide);
    QVERIFY(textOf(large, "thumbnail").endsWith(QLatin1String("-small.png")));
    QImage thumbnail(textOf(large, "thumbnail"));
    QCOMPARE(thumbnail.width(), MaxModelPixels);
    QVERIFY(handed->record == picture(wide));
    QCOMPARE(await(f.leases.list({}))->size(), 2);
}

void TestAssetStore::aModelGetsNoMoreThanItCanTake_data()
{
    QTest::addColumn<QByteArray>("image");
    QTest::newRow("small") << png(10, 10, Look::Plain);
    QTest::newRow("wide") << png(4'000, 10, Look::Plain);
    QTest::newRow("high") << png(10, 4'000, Look::Plain);
    QTest::newRow("noise that no format makes small") << png(1'000, 1'000, Look::Noisy);
}

void TestAssetStore::aModelGetsNoMoreThanItCanTake()
{
    QFETCH(QByteArray, image);
    const auto picture = modelSized(image, QStringLiteral("image/png"));
    QVERIFY2(picture, picture ? "" : qPrintable(picture.error().message));
    QVERIFY(picture->bytes.size() <= MaxModelBytes);
    const QImage read = QImage::fromData(picture->bytes);
    QVERIFY(!read.isNull());
    QVERIFY(read.width() <= MaxModelPixels && read.height() <= MaxModelPixels);
    QVERIFY(image.size() > 200 || picture->bytes == image);
}

void TestAssetStore::whatIsNoImageIsRefused()
{
    const auto picture = modelSized("no image", QStringLiteral("image/png"));
    QVERIFY(!picture);
    QCOMPARE(picture.error().code, ErrorCode::InvalidArgument);
    // A file that says so, but is none, is kept all the same.
    Fixture f;
    const auto handed = f.handOver(::picture("no image"));
    QVERIFY(handed);
    QCOMPARE(read(textOf(handed->shown[0]["assets"][0], "path")), QByteArray("no image"));
}

void TestAssetStore::nothingIsWrittenThroughALink_data()
{
    QTest::addColumn<bool>("isFolder");
    QTest::newRow("the folder") << true;
    QTest::newRow("the file") << false;
}

void TestAssetStore::nothingIsWrittenThroughALink()
{
    QFETCH(bool, isFolder);
    Fixture f;
    const QByteArray text(5'000, 'x');
    const QString outside = f.dir.filePath(QStringLiteral("outside"));
    const QString folder = f.dir.filePath(QStringLiteral("w/assets"));
    QVERIFY(QDir().mkpath(outside));
    if (isFolder) {
        QVERIFY(QFile::link(outside, folder));
    } else {
        QVERIFY(QDir().mkpath(folder));
        QVERIFY(
            QFile::link(outside + QStringLiteral("/new"),
                        folder + QLatin1Char('/') + nameOf(text, QStringLiteral("text/plain"))));
    }
    const auto handed = f.handOver(stream(text));
    QVERIFY(!handed);
    QCOMPARE(handed.error().code, ErrorCode::OutsideWorkspace);
    QVERIFY(QDir(outside).isEmpty());
}

void TestAssetStore::aFolderThatCannotBeMadeIsTold()
{
    Fixture f;
    QFile inTheWay(f.dir.filePath(QStringLiteral("w/assets")));
    QVERIFY(inTheWay.open(QIODevice::WriteOnly));
    const auto handed = f.handOver(stream(QByteArray(5'000, 'x')));
    QVERIFY(!handed);
    QCOMPARE(handed.error().code, ErrorCode::Io);
    QVERIFY2(handed.error().message.contains(inTheWay.fileName()),
             qPrintable(handed.error().message));
}

void TestAssetStore::oneFolderForAll()
{
    QTemporaryDir all;
    Fixture f(all.filePath(QStringLiteral("deep/assets")));
    const auto handed = f.handOver(stream(QByteArray(5'000, 'x')));
    QVERIFY(handed);
    QVERIFY(textOf(handed->shown[0]["assets"][0], "path").startsWith(all.path()));
    QVERIFY(f.files().isEmpty());
}

void TestAssetStore::ofLongTextsOnlyWhatIsInAFileIsTaken_data()
{
    QTest::addColumn<qint64>("lost");
    QTest::newRow("all of it") << qint64(0);
    QTest::newRow("what the disk has taken of it") << qint64(500);
}

void TestAssetStore::ofLongTextsOnlyWhatIsInAFileIsTaken()
{
    QFETCH(const qint64, lost);
    const QTemporaryDir own;
    Fixture f(own.filePath(QStringLiteral("assets")), Takes::LongTexts);
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

void TestAssetStore::whatIsCutAndTooLongIsToldAsBoth()
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

void TestAssetStore::withoutAFolderLongTextsStayInMemory()
{
    const QTemporaryDir own;
    const QString folder = own.filePath(QStringLiteral("assets"));
    QFile inTheWay(folder);
    QVERIFY(inTheWay.open(QIODevice::WriteOnly));
    const Fixture f(folder, Takes::LongTexts);
    QCOMPARE(f.store.spoolFolderFor(f.notebook), QString());
}

void TestAssetStore::linesAreReadByRangeAndSearch_data()
{
    QTest::addColumn<qint64>("first");
    QTest::addColumn<qint64>("last");
    QTest::addColumn<QString>("search");
    QTest::addColumn<int>("maxLines");
    QTest::addColumn<QString>("lines");
    QTest::addColumn<bool>("more");
    const QString any;
    QTest::newRow("all") << qint64(1) << qint64(0) << any << 99 << "1 2 3 4 5 6 7 8 9 10" << false;
    QTest::newRow("a range") << qint64(3) << qint64(5) << any << 99 << "3 4 5" << false;
    QTest::newRow("behind the end") << qint64(11) << qint64(20) << any << 99 << "" << false;
    QTest::newRow("at most") << qint64(2) << qint64(0) << any << 3 << "2 3 4" << true;
    QTest::newRow("a search") << qint64(1) << qint64(0) << QStringLiteral("^line 1") << 99 << "1 10"
                              << false;
    QTest::newRow("a search in a range")
        << qint64(2) << qint64(0) << QStringLiteral("line 1") << 99 << "10" << false;
    QTest::newRow("exactly as many")
        << qint64(1) << qint64(0) << QStringLiteral("1") << 2 << "1 10" << false;
}

void TestAssetStore::linesAreReadByRangeAndSearch()
{
    QFETCH(qint64, first);
    QFETCH(qint64, last);
    QFETCH(QString, search);
    QFETCH(int, maxLines);
    QFETCH(QString, lines);
    QFETCH(bool, more);
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("a.txt"));
    QByteArray text;
    for (int i = 1; i <= 10; ++i)
        text += "line " + QByteArray::number(i) + (i == 10 ? "" : "\r\n");
    QVERIFY(putFile(path, text));
    LineRequest request{
        .path = path, .first = first, .last = {}, .search = search, .maxLines = maxLines};
    if (last > 0)
        request.last = last;
    const auto answer = readLines(request);
    QVERIFY(answer);
    QStringList numbers;
    for (const Line &line : answer->lines) {
        QCOMPARE(line.text, QStringLiteral("line %1").arg(line.number));
        numbers << QString::number(line.number);
    }
    QCOMPARE(numbers.join(QLatin1Char(' ')), lines);
    QCOMPARE(answer->more, more);
    QCOMPARE(answer->totalLines, 10);
}

void TestAssetStore::longLinesAndLongAnswersAreBounded()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("a.txt"));
    QVERIFY(putFile(path, QByteArray(QByteArray(1'000'000, 'x') + '\n').repeated(20) + "end"));
    const auto answer = readLines({.path = path, .first = 1, .last = {}, .search = {}});
    QVERIFY(answer);
    QCOMPARE(answer->totalLines, 21);
    QVERIFY(answer->more);
    qsizetype characters = 0;
    for (const Line &line : answer->lines)
        characters += line.text.size();
    QVERIFY(characters > MaxAnswerCharacters / 2 && characters <= MaxAnswerCharacters);
    QCOMPARE(readLines({.path = path, .first = 21, .last = {}, .search = {}})->lines,
             (QList<Line>{{21, QStringLiteral("end")}}));
    QCOMPARE(readLines({.path = path, .first = 1, .last = {}, .search = QStringLiteral("(")})
                 .error()
                 .code,
             ErrorCode::InvalidArgument);
    QCOMPARE(readWhole(path, 1'000).error().code, ErrorCode::TooLarge);
}

void TestAssetStore::noLinkIsRead()
{
    QTemporaryDir dir;
    const QString secret = dir.filePath(QStringLiteral("secret"));
    QVERIFY(putFile(secret, "secret"));
    QVERIFY(QFile::link(secret, dir.filePath(QStringLiteral("link"))));
    QVERIFY(!readWhole(dir.filePath(QStringLiteral("link")), 1'000));
    QCOMPARE(*readWhole(secret, 1'000), QByteArray("secret"));
    QCOMPARE(readWhole(dir.filePath(QStringLiteral("gone")), 1'000).error().code,
             ErrorCode::NotFound);
    QVERIFY(!readWhole(dir.path(), 1'000));
}

QTEST_GUILESS_MAIN(TestAssetStore)
#include "tst_assetstore.moc"
