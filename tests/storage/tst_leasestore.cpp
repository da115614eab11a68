#include <QTemporaryDir>
#include <QtTest>

#include "storage/database.h"
#include "storage/leasestore.h"
#include "storage/schema.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using celldeck::test::await;
using namespace std::chrono_literals;

namespace {

constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
constexpr LeaseMoment Now{.wall = Start, .lease = Start};
constexpr Milliseconds Day = 24h;
const QString A = QStringLiteral("/n/a.ipynb");
const QString B = QStringLiteral("/n/b.ipynb");
const QString Plot = QStringLiteral("/n/assets/1234.png");
const QString Text = QStringLiteral("/n/assets/abcd.txt");

LeaseMoment after(Milliseconds time)
{
    return {.wall = Start + time, .lease = Start + time};
}

struct Fixture
{
    explicit Fixture(const QString &folder)
        : database(folder + QStringLiteral("/state.db")), tasks(database), leases(database)
    {
        opened = database.open();
    }

    Result<> grant(const QString &asset, const QString &notebook, LeaseMoment now = Now,
                   TaskId task = {})
    {
        return await(leases.grant({{asset, notebook, 100, task}}, now, now.lease + Day));
    }

    QStringList expired(Milliseconds time, const QString &notebook = {})
    {
        QStringList paths;
        const auto assets =
            await(leases.expired({.notebookPath = notebook, .after = {}}, Start + time));
        for (const ExpiredAsset &asset : assets ? *assets : QList<ExpiredAsset>{})
            paths << asset.path;
        return paths;
    }

    QString view(const char *columns)
    {
        QString text;
        const auto read = await(database.read<void>([&](Connection &connection) {
            return connection.query(
                QStringLiteral("SELECT %1 FROM asset_leases ORDER BY 1")
                    .arg(QLatin1String(columns)),
                {}, [&text](const Row &row) { text += row.text(0) + QLatin1Char(' '); });
        }));
        return read ? text.trimmed() : read.error().message;
    }

    std::int64_t active(Milliseconds time)
    {
        const auto stats = await(tasks.stats(Start + time));
        return stats ? stats->activeLeases : -1;
    }

    Database database;
    TaskStore tasks;
    LeaseStore leases;
    Result<> opened;
};

}  // namespace

/// Which files are kept, for whom and until when.
class TestLeaseStore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aLeaseIsThereAtOnce();
    void aRenewalKeepsWhenItWasMade();
    void onlyLivingLeasesAreActive();
    void aNotebookRenewsWhatHasNotExpired();
    void oneAssetMayServeTwoNotebooks();
    void whatIsPinnedNeverExpires();
    void aRecordKeepsItsAsset();
    void theTrashIsFenced();
    void whatIsMadeAnewIsBackFromTheTrash();
    void theLeaseClockMovesWhatPeopleSee();
    void assetsAreFoundByPathAndByName();
    void pagesGoOnBehindTheLast();
    void leasesOfOlderDatabasesStay();
};

void TestLeaseStore::aLeaseIsThereAtOnce()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.opened);
    QVERIFY(f.grant(Plot, A));
    const auto leases = await(f.leases.list({}));
    QVERIFY2(leases, leases ? "" : qPrintable(leases.error().message));
    QCOMPARE(*leases, (QList<Lease>{{.asset = Plot,
                                     .notebookPath = A,
                                     .bytes = 100,
                                     .createdAt = Start,
                                     .lastSeen = Start,
                                     .expires = Start + Day}}));
    QCOMPARE(f.view("asset_path"), Plot);
    QCOMPARE(f.view("notebook_path"), A);
    QCOMPARE(f.view("lease_expires"), toIso(Start + Day));
    QVERIFY(f.expired(Day - 1ms).isEmpty());
    QCOMPARE(f.expired(Day), QStringList{Plot});
}

void TestLeaseStore::aRenewalKeepsWhenItWasMade()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    QVERIFY(f.grant(Plot, A, after(2h)));
    auto lease = await(f.leases.renew(Plot, after(4h), Start + 4h + Day));
    QVERIFY(lease);
    QCOMPARE(lease->createdAt, Start);
    QCOMPARE(lease->lastSeen, Start + 4h);
    QCOMPARE(lease->expires, Start + 4h + Day);
    // A renewal never makes it shorter.
    lease = await(f.leases.renew(Plot, after(5h), Start + 6h));
    QCOMPARE(lease->expires, Start + 4h + Day);
    QCOMPARE(f.view("created_at"), toIso(Start));
    QCOMPARE(await(f.leases.renew(Text, Now, Start)).error().code, ErrorCode::NotFound);
}

void TestLeaseStore::onlyLivingLeasesAreActive()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    QVERIFY(f.grant(Text, A, after(2h)));
    QCOMPARE(f.active(0h), 2);
    QCOMPARE(f.active(Day + 1h), 1);
    QCOMPARE(f.active(Day + 2h), 0);
}

void TestLeaseStore::aNotebookRenewsWhatHasNotExpired()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    QVERIFY(f.grant(Text, B));
    QCOMPARE(await(f.leases.renewNotebook(A, after(2h), Start + 2h + Day)).value_or(-1), 1);
    QCOMPARE(f.expired(Day), QStringList{Text});
    // What somebody has released does not come back because its notebook is saved.
    QVERIFY(await(f.leases.setExpiry(Plot, after(3h), Start + 3h)));
    QCOMPARE(await(f.leases.renewNotebook(A, after(4h), Start + 4h + Day)).value_or(-1), 0);
    QCOMPARE(f.expired(4h), QStringList{Plot});
}

void TestLeaseStore::oneAssetMayServeTwoNotebooks()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    QVERIFY(f.grant(Plot, B, after(2h)));
    QCOMPARE(await(f.leases.list({}))->size(), 2);
    QCOMPARE(await(f.leases.list({.notebookPath = B, .after = {}}))->size(), 1);
    QVERIFY(f.expired(Day + 1h).isEmpty());  // B's lease keeps it for both.
    const auto expired = await(f.leases.expired({}, Start + Day + 2h));
    QVERIFY(expired);
    QCOMPARE(*expired, (QList<ExpiredAsset>{{.path = Plot,
                                             .notebooks = {A, B},
                                             .bytes = 100,
                                             .expired = Start + Day + 2h,
                                             .trashed = {}}}));
    QCOMPARE(f.expired(Day + 2h, B), QStringList{Plot});
    QVERIFY(f.expired(Day + 2h, QStringLiteral("/n/c.ipynb")).isEmpty());
}

void TestLeaseStore::whatIsPinnedNeverExpires()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    auto lease = await(f.leases.setExpiry(Plot, Now, PinnedUntil));
    QVERIFY(lease && lease->isPinned());
    QVERIFY(f.expired(Day * 365'000).isEmpty());
    QCOMPARE(f.active(Day * 365), 1);
    lease = await(f.leases.renew(Plot, after(1h), Start + Day));
    QVERIFY(lease && lease->isPinned());
    lease = await(f.leases.setExpiry(Plot, after(1h), Start + 1h));
    QVERIFY(lease && !lease->isPinned());
    QCOMPARE(f.expired(1h), QStringList{Plot});
}

void TestLeaseStore::aRecordKeepsItsAsset()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    TaskDraft draft;
    draft.notebookPath = A;
    const TaskId task = await(f.tasks.insert({draft}, Start))->first().id;
    QVERIFY(f.grant(Text, A, Now, task));
    QVERIFY(f.expired(Day * 2).isEmpty());
    const auto trashed = await(f.leases.markTrashed(Text, Start + Day * 2));
    QVERIFY(!trashed);
    QCOMPARE(trashed.error().code, ErrorCode::Stale);
    TaskOutcome outcome;
    outcome.state = TaskState::Cancelled;
    QVERIFY(await(f.tasks.finish(task, outcome)));
    QVERIFY(await(f.tasks.removeEnded({task})));
    QCOMPARE(f.expired(Day * 2), QStringList{Text});
    QVERIFY(await(f.leases.forgetRecords()));
    QVERIFY(await(f.leases.forget(Text, Start + Day * 2)));
    QVERIFY(await(f.leases.list({}))->isEmpty());
}

void TestLeaseStore::theTrashIsFenced()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    auto marked = await(f.leases.markTrashed(Plot, Start));
    QVERIFY(!marked);
    QCOMPARE(marked.error().code, ErrorCode::Stale);
    QVERIFY(await(f.leases.markTrashed(Plot, Start + Day)));
    auto expired = await(f.leases.expired({}, Start + Day));
    QCOMPARE(expired->first().trashed, std::optional<UtcTime>(Start + Day));
    QVERIFY(await(f.leases.renew(Plot, after(Day), Start + Day * 2)));
    marked = await(f.leases.forget(Plot, Start + Day));
    QVERIFY(!marked);
    QCOMPARE(marked.error().code, ErrorCode::Stale);
    QVERIFY(await(f.leases.markRestored(Plot)));
    expired = await(f.leases.expired({}, Start + Day * 3));
    QVERIFY(!expired->first().trashed);
    QVERIFY(await(f.leases.forget(Plot, Start + Day * 3)));
    QVERIFY(await(f.leases.list({}))->isEmpty());
}

void TestLeaseStore::whatIsMadeAnewIsBackFromTheTrash()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    QVERIFY(await(f.leases.markTrashed(Plot, Start + Day)));
    QVERIFY(f.grant(Plot, B, after(Day)));
    QVERIFY(f.expired(Day).isEmpty());
    QVERIFY(!await(f.leases.expired({}, Start + Day * 3))->first().trashed);
}

void TestLeaseStore::theLeaseClockMovesWhatPeopleSee()
{
    QTemporaryDir dir;
    {
        Fixture f(dir.path());
        QCOMPARE(*await(f.leases.loadClock()), LeaseClockState{});
        QVERIFY(f.grant(Plot, A));
        QVERIFY(await(f.leases.saveClock({.offset = Day * 3, .seen = Start + Day * 3})));
        QCOMPARE(f.view("lease_expires"), toIso(Start + Day * 4));
        QCOMPARE(f.view("created_at"), toIso(Start));
        QCOMPARE(f.active(Day * 4 - 1ms), 1);
        QCOMPARE(f.active(Day * 4), 0);
    }
    Fixture f(dir.path());
    QCOMPARE(*await(f.leases.loadClock()),
             (LeaseClockState{.offset = Day * 3, .seen = Start + Day * 3}));
}

void TestLeaseStore::assetsAreFoundByPathAndByName()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    QVERIFY(f.grant(Plot, B, after(1h)));
    QCOMPARE(await(f.leases.find(Plot))->notebookPath, B);  // the one that ends last
    QCOMPARE(await(f.leases.find(QStringLiteral("1234.png")))->asset, Plot);
    for (const char *wrong : {"234.png", "1234.pn", "", "%", "/n/assets/", "/n/assets/1234.png/.."})
        QVERIFY2(!await(f.leases.find(QString::fromLatin1(wrong))), wrong);
    QCOMPARE(*await(f.leases.folders()), QStringList{QStringLiteral("/n/assets/")});
    QCOMPARE(*await(f.leases.notebooks()), (QStringList{A, B}));
}

void TestLeaseStore::pagesGoOnBehindTheLast()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.grant(Plot, A));
    QVERIFY(f.grant(Text, A));
    const auto first = await(f.leases.list({.notebookPath = {}, .after = {}, .limit = 1}));
    QCOMPARE(first->size(), 1);
    const auto next = await(f.leases.expired(
        {.notebookPath = {}, .after = first->first().asset, .limit = 5}, Start + Day));
    QCOMPARE(next->size(), 1);
    QCOMPARE(next->first().path, Text);
}

void TestLeaseStore::leasesOfOlderDatabasesStay()
{
    QTemporaryDir dir;
    const QString file = dir.filePath(QStringLiteral("state.db"));
    {
        auto connection = Connection::open(file, Connection::Mode::Write);
        QVERIFY(connection);
        for (const QString &sql : migrations()[0])
            QVERIFY((*connection)->run(sql));
        for (const char *sql : {"INSERT INTO notebook(path) VALUES('/n/a.ipynb')",
                                "INSERT INTO lease VALUES('/n/assets/1234.png', 1, 5, 6, 4)",
                                "PRAGMA user_version=1"})
            QVERIFY((*connection)->run(QString::fromLatin1(sql)));
    }
    Fixture f(dir.path());
    QVERIFY2(f.opened, f.opened ? "" : qPrintable(f.opened.error().message));
    const auto leases = await(f.leases.list({}));
    QVERIFY2(leases, leases ? "" : qPrintable(leases.error().message));
    QCOMPARE(*leases, (QList<Lease>{{.asset = Plot,
                                     .notebookPath = A,
                                     .bytes = 0,
                                     .createdAt = UtcTime(4ms),
                                     .lastSeen = UtcTime(5ms),
                                     .expires = UtcTime(6ms)}}));
}

QTEST_GUILESS_MAIN(TestLeaseStore)
#include "tst_leasestore.moc"
