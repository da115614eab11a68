#include <QtTest>

#include "sweepfixture.h"

using namespace celldeck;
using namespace celldeck::assets;
using celldeck::storage::CleanupMode;
using namespace celldeck::test;
using namespace std::chrono_literals;

/// What a sweep removes, and all that it must not.
class TestAssetCleaner : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatIsLeasedStays();
    void whatHasExpiredGoesToTheTrashAndThenForGood();
    void aPreviewTellsTheBytesAndChangesNothing();
    void whatANotebookNamesIsRenewed_data();
    void whatANotebookNamesIsRenewed();
    void aNotebookThatCannotBeReadProtectsAll();
    void whatSomebodyElseMadeStays();
    void aReferenceSavedMeanwhileBringsItBack();
    void aLeaseRenewedMeanwhileBringsItBack();
    void aReferenceBringsItBackFromTheTrash();
    void onlyTheNotebookThatIsAskedFor();
    void batchesGoOnToTheEnd();
    void aDiskThatIsNotPluggedInKeepsItsRows();
    void aFolderThatCannotBeWrittenIsTold();
};

void TestAssetCleaner::whatIsLeasedStays()
{
    Fixture f;
    QVERIFY(f.opened);
    const QString asset = f.add("leased");
    f.clock.advance(24h - 1ms);
    const auto report = f.sweep();
    QVERIFY(report);
    QCOMPARE(report->assets, 0);
    QVERIFY(QFile::exists(asset));
    QCOMPARE(f.searches.load(), 0);  // Nothing is due: no notebook is read.
}

void TestAssetCleaner::whatHasExpiredGoesToTheTrashAndThenForGood()
{
    Fixture f;
    const QString asset = f.add("expired");
    write(thumbnailPaths(asset).first(), "small");
    f.clock.advance(24h);
    auto report = f.sweep();
    QVERIFY2(report, report ? "" : qPrintable(report.error().message));
    QCOMPARE(report->assets, 1);
    QCOMPARE(report->bytes, 7);
    QVERIFY(!QFile::exists(asset));
    QVERIFY(!QFile::exists(thumbnailPaths(asset).first()));
    QVERIFY(QFile::exists(f.trashed(asset)));
    QVERIFY(f.isKnown(asset));
    f.clock.advance(TrashGrace - 1ms);
    report = f.sweep();
    QCOMPARE(report->deleted, 0);
    QVERIFY(QFile::exists(f.trashed(asset)));
    f.clock.advance(1ms);
    report = f.sweep();
    QCOMPARE(report->deleted, 1);
    QCOMPARE(report->deletedBytes, 7);
    QVERIFY(!QFile::exists(f.trashed(asset)));
    QVERIFY(!f.isKnown(asset));
}

void TestAssetCleaner::aPreviewTellsTheBytesAndChangesNothing()
{
    Fixture f;
    const QString asset = f.add("expired");
    f.add("more");
    f.clock.advance(24h);
    auto report = f.preview();
    QCOMPARE(report->assets, 2);
    QCOMPARE(report->bytes, 11);
    QVERIFY(QFile::exists(asset));
    QVERIFY(f.sweep());
    QVERIFY(QFile::exists(f.trashed(asset)));
    f.clock.advance(TrashGrace);
    report = f.preview();
    QCOMPARE(report->assets, 0);
    QCOMPARE(report->deleted, 2);
    QCOMPARE(report->deletedBytes, 11);
    QVERIFY(QFile::exists(f.trashed(asset)));
}

void TestAssetCleaner::whatANotebookNamesIsRenewed_data()
{
    QTest::addColumn<QString>("where");
    QTest::newRow("its own notebook") << "w/a.ipynb";
    QTest::newRow("another beside it") << "w/b.ipynb";
    QTest::newRow("one in a folder below") << "w/deep/er/c.IPYNB";
    QTest::newRow("a checkpoint") << "w/.ipynb_checkpoints/a-checkpoint.ipynb";
    QTest::newRow("one elsewhere that the database knows") << "elsewhere/d.ipynb";
    QTest::newRow("a client's buffer") << "";
}

void TestAssetCleaner::whatANotebookNamesIsRenewed()
{
    QFETCH(QString, where);
    Fixture f;
    const QString asset = f.add("named");
    const QString other = f.add("not named");
    SweepOrder order;
    if (where.isEmpty())
        order.referenced = {QStringLiteral("see assets/") + QFileInfo(asset).fileName()};
    else
        write(f.dir.filePath(where), notebookNaming(QFileInfo(asset).fileName()));
    if (where.startsWith(QLatin1String("elsewhere"))) {
        storage::TaskDraft draft;
        draft.notebookPath = f.dir.filePath(where);
        QVERIFY(await(f.tasks.insert({draft}, Start)));
    }
    f.clock.advance(24h);
    const auto report = f.sweep(order);
    QVERIFY(report);
    QCOMPARE(report->assets, 1);
    QCOMPARE(report->renewed, 1);
    QVERIFY(QFile::exists(asset));
    QVERIFY(!QFile::exists(other));
    QCOMPARE(await(f.store.find(asset))->expires, Start + 48h);
    QCOMPARE(await(f.store.find(asset))->createdAt, Start);
}

void TestAssetCleaner::aNotebookThatCannotBeReadProtectsAll()
{
    Fixture f;
    const QString asset = f.add("perhaps named");
    f.clock.advance(24h);
    // A notebook that is a folder cannot be read, by root neither.
    storage::TaskDraft draft;
    draft.notebookPath = f.dir.filePath(QStringLiteral("elsewhere/b.ipynb"));
    QVERIFY(await(f.tasks.insert({draft}, Start)));
    QVERIFY(QDir().mkpath(draft.notebookPath));
    for (const auto mode : {CleanupMode::Preview, CleanupMode::Remove}) {
        const auto report = f.sweep({{}, {}, mode});
        QVERIFY(report);
        QCOMPARE(report->assets, 0);
        QVERIFY2(report->kept.contains(draft.notebookPath), qPrintable(report->kept));
        QVERIFY(QFile::exists(asset));
    }
    QVERIFY(QDir(draft.notebookPath).removeRecursively());
    QCOMPARE(f.sweep()->assets, 1);
}

void TestAssetCleaner::whatSomebodyElseMadeStays()
{
    Fixture f;
    const QString asset = f.add("ours");
    const QString photo = f.dir.filePath(QStringLiteral("w/assets/photo.png"));
    const QString like =
        f.dir.filePath(QStringLiteral("w/assets/00000000000000000000000000000000.png"));
    const QString inTrash = f.dir.filePath(QStringLiteral("w/assets/.trash/photo.png"));
    for (const QString &path : {photo, like, inTrash})
        write(path, "mine");
    f.clock.advance(24h * 365);
    QCOMPARE(f.sweep()->assets, 1);
    f.clock.advance(24h * 365);
    QCOMPARE(f.sweep()->deleted, 1);
    QVERIFY(!QFile::exists(asset));
    for (const QString &path : {photo, like, inTrash})
        QVERIFY2(QFile::exists(path), qPrintable(path));
}

void TestAssetCleaner::aReferenceSavedMeanwhileBringsItBack()
{
    Fixture f;
    const QString asset = f.add("named in time");
    f.clock.advance(24h);
    f.beforeSearch = [&](int number) {
        if (number == 2) {
            QVERIFY(!QFile::exists(asset));
            write(f.notebook, notebookNaming(QFileInfo(asset).fileName()));
        }
    };
    const auto report = f.sweep();
    QVERIFY(report);
    QCOMPARE(f.searches.load(), 2);
    QCOMPARE(report->assets, 0);
    QCOMPARE(report->restored, 1);
    QVERIFY(QFile::exists(asset));
    QVERIFY(!QFile::exists(f.trashed(asset)));
    QCOMPARE(await(f.store.find(asset))->expires, Start + 48h);
}

void TestAssetCleaner::aLeaseRenewedMeanwhileBringsItBack()
{
    Fixture f;
    const QString asset = f.add("leased in time");
    f.clock.advance(24h);
    std::optional<Waiter<storage::Lease>> renewing;
    f.beforeSearch = [&](int number) {
        if (number == 2)
            QMetaObject::invokeMethod(
                &f.keeper, [&] { renewing = f.keeper.renew(asset); }, Qt::BlockingQueuedConnection);
    };
    const auto report = f.sweep();
    QVERIFY(report);
    QVERIFY(renewing && await(*renewing));
    QCOMPARE(report->restored, 1);
    QCOMPARE(report->assets, 0);
    QVERIFY(QFile::exists(asset));
}

void TestAssetCleaner::aReferenceBringsItBackFromTheTrash()
{
    Fixture f;
    const QString asset = f.add("named late");
    f.clock.advance(24h);
    QCOMPARE(f.sweep()->assets, 1);
    write(f.notebook, notebookNaming(QFileInfo(asset).fileName()));
    f.clock.advance(TrashGrace);
    const auto report = f.sweep();
    QCOMPARE(report->restored, 1);
    QCOMPARE(report->deleted, 0);
    QVERIFY(QFile::exists(asset));
    QVERIFY(!QFile::exists(f.trashed(asset)));
}

void TestAssetCleaner::onlyTheNotebookThatIsAskedFor()
{
    Fixture f;
    const QString asset = f.add("a");
    f.clock.advance(24h);
    QCOMPARE(
        f.sweep({f.dir.filePath(QStringLiteral("w/b.ipynb")), {}, CleanupMode::Remove})->assets, 0);
    QCOMPARE(f.sweep({f.notebook, {}, CleanupMode::Remove})->assets, 1);
    QVERIFY(!QFile::exists(asset));
}

void TestAssetCleaner::batchesGoOnToTheEnd()
{
    Fixture f;
    QStringList assets;
    for (int i = 0; i < 250; ++i)
        assets << f.add(QByteArray::number(i));
    write(f.notebook, notebookNaming(QFileInfo(assets[7]).fileName()));
    f.clock.advance(24h);
    const auto report = f.sweep();
    QVERIFY(report);
    QCOMPARE(report->assets, 249);
    QCOMPARE(report->renewed, 1);
    QVERIFY(QFile::exists(assets[7]));
}

void TestAssetCleaner::aDiskThatIsNotPluggedInKeepsItsRows()
{
    Fixture f;
    const QString asset = f.add("on a stick");
    const QString mounted = f.dir.filePath(QStringLiteral("w"));
    const QString away = f.dir.filePath(QStringLiteral("unplugged"));
    f.clock.advance(24h);
    QVERIFY(QFile::rename(mounted, away));
    QVERIFY(f.sweep());
    QVERIFY(f.isKnown(asset));
    QVERIFY(QFile::rename(away, mounted));
    QCOMPARE(f.sweep()->assets, 1);
    QVERIFY(QFile::rename(mounted, away));
    f.clock.advance(24h * 31);
    QVERIFY(f.sweep());
    f.clock.advance(24h * 31);
    QVERIFY(f.sweep());
    QVERIFY(!f.isKnown(asset));
}

void TestAssetCleaner::aFolderThatCannotBeWrittenIsTold()
{
    Fixture f;
    const QString asset = f.add("here");
    // Where the trash should be there is a file: so it is with root, too.
    write(f.dir.filePath(QStringLiteral("w/assets/.trash")), "in the way");
    f.clock.advance(24h);
    const auto report = f.sweep();
    QVERIFY(report);
    QCOMPARE(report->assets, 0);
    QVERIFY2(report->kept.contains(QLatin1String(".trash")), qPrintable(report->kept));
    QVERIFY(QFile::exists(asset));
}

QTEST_GUILESS_MAIN(TestAssetCleaner)
#include "tst_assetcleaner.moc"
