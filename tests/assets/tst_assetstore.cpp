#include <QtTest>

#include "assetfixture.h"
#include "assets/asset.h"
#include "assets/thumbnail.h"

using namespace celldeck;
using namespace celldeck::assets;
using namespace celldeck::test;

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
};

void TestAssetStore::smallOutputsMakeNoFile()
{
    AssetFixture f;
    QVERIFY(f.opened);
    const auto handed = f.handOver(stream("hello"));
    QVERIFY(handed);
    QVERIFY(handed->shown == stream("hello") && handed->record == stream("hello"));
    QVERIFY(!QFile::exists(f.dir.filePath(QStringLiteral("w/assets"))));
    QVERIFY(await(f.leases.list({}))->isEmpty());
}

void TestAssetStore::aLongTextIsWholeInItsFileAndLeased()
{
    AssetFixture f;
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
    AssetFixture f;
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
    AssetFixture f;
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
    AssetFixture f;
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
    AssetFixture f;
    const auto handed = f.handOver(test::picture("no image"));
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
    AssetFixture f;
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
    AssetFixture f;
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
    AssetFixture f(all.filePath(QStringLiteral("deep/assets")));
    const auto handed = f.handOver(stream(QByteArray(5'000, 'x')));
    QVERIFY(handed);
    QVERIFY(textOf(handed->shown[0]["assets"][0], "path").startsWith(all.path()));
    QVERIFY(f.files().isEmpty());
}

QTEST_GUILESS_MAIN(TestAssetStore)
#include "tst_assetstore.moc"
