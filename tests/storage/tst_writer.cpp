#include <signal.h>
#include <sys/resource.h>

#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QtTest>
#include <semaphore>

#include "databasewrites.h"
#include "storage/database.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::test;

/// What the writer makes of its jobs: commits, answers, the log; as a Database's owner sees it.
class TestWriter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void oneBadJobHarmsNobody();
    void whatComesBeforeTheCommitIsInIt();
    void anAnswerMayCloseIt();
    void anAnswerMayEndIt();
    void aRollbackIsToldToTheStores();
    void aReaderThatNeverEndsIsTold();
    void theLogIsEmptiedWhenNothingComes();
    void theLogIsLaidOutWhenNothingComes();
    void aLogThatFindsNoRoomTakesNone();
    void aLargeDatabaseIsTold();
    void closingFinishesWhatWasTaken();
    void afterClosingItRefuses();

private:
    static QString fileIn(const QTemporaryDir &dir) { return dir.filePath(QStringLiteral("s.db")); }
};

namespace {

Result<std::int64_t> countPaths(Database &database)
{
    return await(database.read<std::int64_t>([](Connection &connection) {
        return connection.number(QStringLiteral("SELECT count(*) FROM notebook"));
    }));
}

QCoro::Task<> afterwards(const TaskScope *scope, Waiter<std::int64_t> answer,
                         std::function<void()> work)
{
    const Result<std::int64_t> got = co_await answer.wait(*scope);
    if (got)
        work();
}

}  // namespace

void TestWriter::oneBadJobHarmsNobody()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    QVERIFY(database.open());
    const auto first = add(database, QStringLiteral("a"));
    const auto twice = add(database, QStringLiteral("a"));  // breaks UNIQUE
    const auto third = add(database, QStringLiteral("b"));
    QVERIFY(await(first));
    const auto refused = await(twice);
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::StorageUnavailable);
    QCOMPARE(await(third), Result<std::int64_t>(2));
    QCOMPARE(countPaths(database), Result<std::int64_t>(2));
}

void TestWriter::whatComesBeforeTheCommitIsInIt()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    QVERIFY(database.open());
    std::binary_semaphore firstRuns{0};
    std::binary_semaphore secondIsThere{0};
    const auto first = database.write<std::int64_t>([&](Connection &connection) {
        firstRuns.release();
        secondIsThere.acquire();
        return addPath(connection, QStringLiteral("a"));
    });
    firstRuns.acquire();
    const auto seenByOthers =
        database.write<std::int64_t>([&dir](Connection &) -> Result<std::int64_t> {
            const auto other = Connection::open(fileIn(dir), Connection::Mode::Read);
            if (!other)
                return fail(other.error());
            return (*other)->number(QStringLiteral("SELECT count(*) FROM notebook"));
        });
    secondIsThere.release();
    QCOMPARE(await(seenByOthers), Result<std::int64_t>(0));
    QCOMPARE(await(first), Result<std::int64_t>(1));
    QCOMPARE(countPaths(database), Result<std::int64_t>(1));
}

void TestWriter::anAnswerMayCloseIt()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    QVERIFY(database.open());
    std::vector<Waiter<std::int64_t>> waiters;
    {
        const auto together = database.holdWrites();
        for (int i = 0; i < 8; ++i)
            waiters.push_back(add(database, QString::number(i)));
    }
    int open = 0;
    TaskScope scope;
    Waiter<> closed;
    scope.start(afterwards(&scope, waiters.front(), [&] {
        database.close();
        for (const auto &waiter : waiters)
            open += waiter.isResolved() ? 0 : 1;
        closed.resolve({});
    }));
    QVERIFY(await(closed));
    QCOMPARE(open, 0);
    for (const auto &waiter : waiters)
        QVERIFY(await(waiter));
}

void TestWriter::anAnswerMayEndIt()
{
    QTemporaryDir dir;
    auto database = std::make_unique<Database>(fileIn(dir));
    QVERIFY(database->open());
    std::vector<Waiter<std::int64_t>> waiters;
    {
        const auto together = database->holdWrites();
        for (int i = 0; i < 8; ++i)
            waiters.push_back(add(*database, QString::number(i)));
    }
    TaskScope scope;
    scope.start(afterwards(&scope, waiters.front(), [&database] { database.reset(); }));
    for (const auto &waiter : waiters)
        QVERIFY(await(waiter));
    QVERIFY(!database);
}

void TestWriter::aRollbackIsToldToTheStores()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    int reread = 0;
    database.onReread([&reread](Connection &) -> Result<> {
        ++reread;
        return {};
    });
    QVERIFY(database.open());
    QCOMPARE(reread, 1);
    QVERIFY(await(add(database, QStringLiteral("a"))));
    QCOMPARE(reread, 1);
    QVERIFY(!await(add(database, QStringLiteral("a"))));
    QCOMPARE(reread, 3);  // together, then alone
}

void TestWriter::aReaderThatNeverEndsIsTold()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    QList<std::int64_t> told;
    database.setWatch({.largestLogBytes = 4'000'000,
                       .logIsLarge = [&told](std::int64_t bytes) { told << bytes; }});
    QVERIFY(database.open());
    QVERIFY(await(add(database, QStringLiteral("first"))));
    auto reader = Connection::open(fileIn(dir), Connection::Mode::Read);
    QVERIFY(reader);
    for (const char *const sql : {"BEGIN", "SELECT count(*) FROM notebook"})
        QVERIFY((*reader)->queryOnce(QString::fromLatin1(sql), {}, [](const Row &) {}));
    const auto addMuch = [&database](int from) {
        for (int i = from; i < from + 300; ++i) {
            const auto added =
                await(add(database, QString::number(i) + QString(30'000, QLatin1Char('x'))));
            if (!added)
                return false;
        }
        return true;
    };
    QVERIFY(addMuch(0));
    QTRY_COMPARE(told.size(), 1);
    QVERIFY(told.first() > 4'000'000);
    const qint64 large = QFileInfo(fileIn(dir) + QStringLiteral("-wal")).size();
    QVERIFY(large > 9'000'000);
    // Once it has ended, the log begins anew.
    reader->reset();
    QVERIFY(addMuch(300));
    QVERIFY(addMuch(600));
    QCOMPARE(told.size(), 1);
    const qint64 after = QFileInfo(fileIn(dir) + QStringLiteral("-wal")).size();
    QVERIFY2(after < large + 2'000'000, qPrintable(QString::number(after)));
}

void TestWriter::theLogIsEmptiedWhenNothingComes()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    QVERIFY(database.open());
    QVERIFY(await(add(database, QStringLiteral("a"))));
    const auto inFileAlone = [&dir]() -> std::int64_t {
        const QString copy = dir.filePath(QStringLiteral("copy.db"));
        QFile::remove(copy);
        if (!QFile::copy(fileIn(dir), copy))
            return -1;
        auto connection = Connection::open(copy, Connection::Mode::Write);
        if (!connection)
            return -1;
        return (*connection)->number(QStringLiteral("SELECT count(*) FROM notebook")).value_or(-1);
    };
    QTRY_COMPARE_WITH_TIMEOUT(inFileAlone(), 1, 30'000);
}

void TestWriter::theLogIsLaidOutWhenNothingComes()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    QVERIFY(database.open());
    QVERIFY(await(add(database, QStringLiteral("first"))));
    const QString log = fileIn(dir) + QStringLiteral("-wal");
    QTRY_VERIFY_WITH_TIMEOUT(QFileInfo(log).size() > 4'000'000, 30'000);
    const qint64 size = QFileInfo(log).size();
    for (int i = 0; i < 200; ++i)
        QVERIFY(await(add(database, QString::number(i))));
    QCOMPARE(QFileInfo(log).size(), size);
    // What another finds in it after a kill: the commits, and nothing behind them.
    const QString copy = dir.filePath(QStringLiteral("copy.db"));
    QVERIFY(QFile::copy(fileIn(dir), copy));
    QVERIFY(QFile::copy(log, copy + QStringLiteral("-wal")));
    auto other = Connection::open(copy, Connection::Mode::Write);
    QVERIFY(other);
    QCOMPARE((*other)->number(QStringLiteral("SELECT count(*) FROM notebook")), 201);
}

void TestWriter::aLogThatFindsNoRoomTakesNone()
{
    QTemporaryDir dir;
    auto connection = Connection::open(fileIn(dir), Connection::Mode::Write);
    QVERIFY(connection);
    QVERIFY((*connection)->run(QStringLiteral("CREATE TABLE t(x)")));
    const QFileInfo log(fileIn(dir) + QStringLiteral("-wal"));
    const qint64 size = log.size();
    QVERIFY(size > 0);
    // Files may have no more than a megabyte: as on a disk that has no more.
    const auto before = ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{};
    QCOMPARE(::getrlimit(RLIMIT_FSIZE, &limit), 0);
    const rlimit little{.rlim_cur = 1 << 20, .rlim_max = limit.rlim_max};
    QCOMPARE(::setrlimit(RLIMIT_FSIZE, &little), 0);
    const Result<> done = (*connection)->layOutLog(1'024, Connection::Sync::Now);
    QCOMPARE(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    ::signal(SIGXFSZ, before);
    QVERIFY(!done);
    QCOMPARE(QFileInfo(log.filePath()).size(), size);
    QVERIFY((*connection)->run(QStringLiteral("INSERT INTO t VALUES(1)")));
}

void TestWriter::aLargeDatabaseIsTold()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    int told = 0;
    database.setWatch({.largestBytes = 3'000'000, .databaseIsLarge = [&told] { ++told; }});
    QVERIFY(database.open());
    for (int i = 0; i < 30; ++i)
        QVERIFY(await(add(database, QString::number(i) + QString(30'000, QLatin1Char('x')))));
    QCOMPARE(told, 0);
    for (int i = 30; i < 190; ++i)
        QVERIFY(await(add(database, QString::number(i) + QString(30'000, QLatin1Char('x')))));
    QTRY_VERIFY(told > 0);
    QVERIFY(told < 20);  // not at each commit, as long as nothing can be done
}

void TestWriter::closingFinishesWhatWasTaken()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    QVERIFY(database.open());
    QList<Waiter<std::int64_t>> waiters;
    for (int i = 0; i < 2000; ++i)
        waiters << add(database, QString::number(i));
    database.close();
    for (const auto &waiter : waiters)
        QVERIFY(waiter.isResolved());
    QCOMPARE(await(waiters.last()), Result<std::int64_t>(2000));
    QVERIFY(!QFile::exists(fileIn(dir) + QStringLiteral("-wal")));
}

void TestWriter::afterClosingItRefuses()
{
    QTemporaryDir dir;
    Database database(fileIn(dir));
    QVERIFY(database.open());
    database.close();
    database.close();
    const auto refused = await(add(database, QStringLiteral("a")));
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::StorageUnavailable);
}

QTEST_GUILESS_MAIN(TestWriter)
#include "tst_writer.moc"
