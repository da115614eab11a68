#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "storage/database.h"
#include "storage/schema.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using celldeck::test::await;

class TestDatabase : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aFolderThatCannotBeMadeIsNamed();
    void aDamagedFileIsRefusedAndKept();
    void aNewerSchemaIsRefusedAndKept();
    void everyOlderSchemaIsBroughtUpToDate_data();
    void everyOlderSchemaIsBroughtUpToDate();
    void oneBadJobHarmsNobody();
    void aRollbackIsToldToTheStores();
    void closingFinishesWhatWasTaken();
    void afterClosingItRefuses();

private:
    static QString fileIn(const QTemporaryDir &dir) { return dir.filePath(QStringLiteral("s.db")); }
};

namespace {

Result<std::int64_t> addPath(Connection &connection, const QString &path)
{
    const auto added =
        connection.run(QStringLiteral("INSERT INTO notebook(path) VALUES(?)"), {path});
    if (!added)
        return fail(added.error());
    return connection.number(QStringLiteral("SELECT count(*) FROM notebook"));
}

Waiter<std::int64_t> add(Database &database, const QString &path)
{
    return database.write<std::int64_t>(
        [path](Connection &connection) { return addPath(connection, path); });
}

Result<std::int64_t> countPaths(Database &database)
{
    return await(database.read<std::int64_t>([](Connection &connection) {
        return connection.number(QStringLiteral("SELECT count(*) FROM notebook"));
    }));
}

}  // namespace

void TestDatabase::aFolderThatCannotBeMadeIsNamed()
{
    QTemporaryDir dir;
    QFile(dir.filePath(QStringLiteral("file"))).open(QIODevice::WriteOnly);
    Database database(dir.filePath(QStringLiteral("file/sessions/state.db")));
    const Result<> opened = database.open();
    QVERIFY(!opened);
    QCOMPARE(opened.error().code, ErrorCode::StorageUnavailable);
    QVERIFY2(opened.error().message.contains(dir.filePath(QStringLiteral("file/sessions"))),
             qPrintable(opened.error().message));
}

void TestDatabase::aDamagedFileIsRefusedAndKept()
{
    QTemporaryDir dir;
    QFile file(fileIn(dir));
    QVERIFY(file.open(QIODevice::WriteOnly));
    const QByteArray junk(8192, 'x');
    file.write(junk);
    file.close();
    Database database(fileIn(dir));
    const Result<> opened = database.open();
    QVERIFY(!opened);
    QCOMPARE(opened.error().code, ErrorCode::StorageUnavailable);
    QVERIFY(file.open(QIODevice::ReadOnly));
    QCOMPARE(file.readAll(), junk);
}

void TestDatabase::aNewerSchemaIsRefusedAndKept()
{
    QTemporaryDir dir;
    {
        Database database(fileIn(dir));
        QVERIFY(database.open());
    }
    {
        auto connection = Connection::open(fileIn(dir), Connection::Mode::Write);
        QVERIFY(connection);
        QVERIFY((*connection)
                    ->queryOnce(QStringLiteral("PRAGMA user_version=%1").arg(currentSchema() + 1),
                                {}, [](const Row &) {}));
    }
    Database database(fileIn(dir));
    const Result<> opened = database.open();
    QVERIFY(!opened);
    QCOMPARE(opened.error().code, ErrorCode::NewerSchema);
    QVERIFY(opened.error().message.contains(fileIn(dir)));
}

void TestDatabase::everyOlderSchemaIsBroughtUpToDate_data()
{
    QTest::addColumn<int>("version");
    for (int version = 1; version < currentSchema(); ++version)
        QTest::addRow("%d", version) << version;
}

void TestDatabase::everyOlderSchemaIsBroughtUpToDate()
{
    QFETCH(int, version);
    QTemporaryDir dir;
    {
        auto connection = Connection::open(fileIn(dir), Connection::Mode::Write);
        QVERIFY(connection);
        QStringList statements = migrations().mid(0, version).first();
        for (int i = 1; i < version; ++i)
            statements += migrations()[i];
        statements << QStringLiteral("INSERT INTO notebook(id, path) VALUES(1, '/n/a.ipynb')")
                   << QStringLiteral("INSERT INTO cell(id, notebook, code) VALUES(5, 1, 'x')")
                   << QStringLiteral("INSERT INTO task(id, state, cell) VALUES(32768, 0, 5)")
                   << QStringLiteral("PRAGMA user_version=%1").arg(version);
        for (const QString &statement : statements)
            QVERIFY((*connection)->queryOnce(statement, {}, [](const Row &) {}));
    }
    Database database(fileIn(dir));
    TaskStore store(database);
    QVERIFY(database.open());
    const auto tasks = await(store.loadUnfinished());
    QVERIFY(tasks);
    QCOMPARE(tasks->size(), 1);
    QCOMPARE(tasks->first().code, QStringLiteral("x"));
    QVERIFY(QFile::exists(fileIn(dir) + QStringLiteral(".v%1.backup").arg(version)));
}

void TestDatabase::oneBadJobHarmsNobody()
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

void TestDatabase::aRollbackIsToldToTheStores()
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

void TestDatabase::closingFinishesWhatWasTaken()
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

void TestDatabase::afterClosingItRefuses()
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

QTEST_GUILESS_MAIN(TestDatabase)
#include "tst_database.moc"
