#include <QDir>
#include <QFile>
#include <QSemaphore>
#include <QTemporaryDir>
#include <QtTest>

#include "assets/assetcleaner.h"
#include "storage/database.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::assets;
using celldeck::storage::CleanupMode;
using celldeck::test::await;
using namespace std::chrono_literals;

namespace {

constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};

void write(const QString &path, const QByteArray &bytes)
{
    QVERIFY(QDir().mkpath(QFileInfo(path).absolutePath()));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(bytes), bytes.size());
}

QByteArray notebookNaming(const QString &name)
{
    return "{\"cells\": [{\"source\": [\"![](assets/" + name.toUtf8() + ")\\n\"]}]}";
}

/// A workspace with one notebook, its assets, and a sweep whose steps a test can come between.
struct Fixture
{
    Fixture()
        : database(dir.filePath(QStringLiteral("state.db"))),
          tasks(database),
          store(database),
          keeper(store, clock),
          notebook(dir.filePath(QStringLiteral("w/a.ipynb"))),
          cleaner(std::make_unique<AssetCleaner>(
              store, keeper, QStringList{},
              [this](const QSet<QByteArray> &stems, const SearchPlaces &places) {
                  ++searches;
                  if (beforeSearch)
                      beforeSearch(searches);
                  return namedIn(stems, places);
              }))
    {
        write(notebook, "{}");
        opened = database.open();
        if (opened)
            opened = await(keeper.start());
    }

    /// A leased file of so many bytes.
    QString add(const QByteArray &content)
    {
        const QString name = nameOf(content, QStringLiteral("text/plain"));
        const QString path = dir.filePath(QStringLiteral("w/assets/") + name);
        if (!putFile(path, content) ||
            !await(keeper.grant({{path, notebook, content.size(), storage::TaskId()}})))
            return {};
        return path;
    }

    Result<SweepReport> sweep(SweepOrder order = {}) { return await(cleaner->runOnce(order)); }
    Result<SweepReport> preview() { return sweep({{}, {}, CleanupMode::Preview}); }
    [[nodiscard]] bool isKnown(const QString &asset) { return bool(await(store.find(asset))); }
    [[nodiscard]] QString trashed(const QString &asset) const
    {
        return dir.filePath(QStringLiteral("w/assets/.trash/") + QFileInfo(asset).fileName());
    }

    QTemporaryDir dir;
    ManualClock clock{Start};
    storage::Database database;
    storage::TaskStore tasks;
    storage::LeaseStore store;
    LeaseKeeper keeper;
    const QString notebook;
    std::atomic<int> searches = 0;
    std::function<void(int)> beforeSearch;  // in the background, with the number of the search
    std::unique_ptr<AssetCleaner> cleaner;
    Result<> opened;
};

}  // namespace

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
    void itMayStopAtEachSearch_data();
    void itMayStopAtEachSearch();
    void everyStateThatACrashMayLeaveIsPutRight_data();
    void everyStateThatACrashMayLeaveIsPutRight();
    void oneAtATime();
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

void TestAssetCleaner::itMayStopAtEachSearch_data()
{
    QTest::addColumn<int>("stopAt");
    QTest::addColumn<bool>("named");
    for (int stopAt = 1; stopAt <= 2; ++stopAt) {
        QTest::addRow("search %d, then nothing changes", stopAt) << stopAt << false;
        QTest::addRow("search %d, then it is named", stopAt) << stopAt << true;
    }
}

/// The sweep is dropped in the middle, as by a crash, and another one goes on.
void TestAssetCleaner::itMayStopAtEachSearch()
{
    QFETCH(int, stopAt);
    QFETCH(bool, named);
    Fixture f;
    const QString asset = f.add("in between");
    f.clock.advance(24h);
    std::atomic<bool> reached = false;
    QSemaphore goOn;
    f.beforeSearch = [&](int number) {
        if (number != stopAt)
            return;
        reached = true;
        goOn.acquire();
    };
    const auto dropped = f.cleaner->runOnce({});
    QTRY_VERIFY(reached);
    f.cleaner.reset();
    goOn.release();
    QVERIFY(!await(dropped));
    QThreadPool::globalInstance()->waitForDone();
    QCOMPARE(QFile::exists(asset), stopAt == 1);
    QCOMPARE(QFile::exists(f.trashed(asset)), stopAt == 2);
    if (named)
        write(f.notebook, notebookNaming(QFileInfo(asset).fileName()));
    AssetCleaner next(f.store, f.keeper, {});
    const auto report = await(next.runOnce({}));
    QVERIFY(report);
    QCOMPARE(QFile::exists(asset), named);
    QCOMPARE(QFile::exists(f.trashed(asset)), !named);
}

void TestAssetCleaner::everyStateThatACrashMayLeaveIsPutRight_data()
{
    QTest::addColumn<int>("state");
    for (int state = 0; state < 32; ++state)
        QTest::addRow("%s, %s, %s, %s, %s", state & 1 ? "expired" : "leased",
                      state & 2 ? "marked as trash" : "not marked",
                      state & 4 ? "in its place" : "not in its place",
                      state & 8 ? "in the trash" : "not in the trash",
                      state & 16 ? "named" : "not named")
            << state;
}

/// Whatever a crash has left: what is leased or named is in its place after one sweep, if there is
/// any of it; the rest is in the trash, and in the end nothing of it is left.
void TestAssetCleaner::everyStateThatACrashMayLeaveIsPutRight()
{
    QFETCH(int, state);
    const bool isExpired = state & 1;
    const bool isMarked = state & 2;
    const bool isInPlace = state & 4;
    const bool isInTrash = state & 8;
    const bool isNamed = state & 16;
    Fixture f;
    const QString asset = f.add("whatever");
    f.clock.advance(24h);
    if (isMarked)
        QVERIFY(await(f.store.markTrashed(asset, f.keeper.now().lease)));
    if (!isExpired)
        QVERIFY(await(f.keeper.renew(asset)));
    if (isInTrash)
        write(f.trashed(asset), "whatever");
    if (!isInPlace)
        QVERIFY(QFile::remove(asset));
    if (isNamed)
        write(f.notebook, notebookNaming(QFileInfo(asset).fileName()));
    const bool isThere = isInPlace || isInTrash;
    QVERIFY(f.sweep());
    const bool stays = !isExpired || isNamed;
    QCOMPARE(QFile::exists(asset), isThere && stays);
    QCOMPARE(QFile::exists(f.trashed(asset)), isThere && !stays);
    QCOMPARE(f.isKnown(asset), isThere || stays);
    // A second one has nothing to put right.
    const auto again = f.sweep();
    QVERIFY(again);
    QCOMPARE(again->assets + again->deleted + again->restored, 0);
    QCOMPARE(QFile::exists(asset), isThere && stays);
    write(f.notebook, "{}");
    f.clock.advance(24h);
    QVERIFY(f.sweep());
    f.clock.advance(TrashGrace);
    QVERIFY(f.sweep());
    QVERIFY(!QFile::exists(asset));
    QVERIFY(!QFile::exists(f.trashed(asset)));
    QVERIFY(!f.isKnown(asset));
}

void TestAssetCleaner::oneAtATime()
{
    Fixture f;
    f.add("x");
    f.clock.advance(24h);
    const auto first = f.cleaner->runOnce({});
    QCOMPARE(f.sweep().error().code, ErrorCode::Conflict);
    QVERIFY(await(first));
    QVERIFY(f.sweep());
}

QTEST_GUILESS_MAIN(TestAssetCleaner)
#include "tst_assetcleaner.moc"
