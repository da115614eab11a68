#include <QDir>
#include <QFile>
#include <QRegularExpression>
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
    void aDamagedFileIsSetAsideAndSalvaged_data();
    void aDamagedFileIsSetAsideAndSalvaged();
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

void TestDatabase::aDamagedFileIsSetAsideAndSalvaged_data()
{
    QTest::addColumn<QString>("damage");
    QTest::newRow("no database at all") << "junk";
    QTest::newRow("cut in the middle") << "cut";
    QTest::newRow("flipped bytes in a page") << "flip";
    QTest::newRow("flipped bytes in the header") << "header";
}

void TestDatabase::aDamagedFileIsSetAsideAndSalvaged()
{
    QFETCH(QString, damage);
    QTemporaryDir dir;
    constexpr int Paths = 5'000;
    {
        Database database(fileIn(dir));
        QVERIFY(database.open());
        for (int i = 0; i < Paths; ++i)
            (void)add(database, QStringLiteral("/notebooks/of/somebody/%1.ipynb").arg(i));
        database.close();
    }
    QFile file(fileIn(dir));
    QVERIFY(file.open(QIODevice::ReadWrite));
    QByteArray bytes = file.readAll();
    if (damage == QLatin1String("junk"))
        bytes = QByteArray(8'192, 'x');
    else if (damage == QLatin1String("cut"))
        bytes.truncate(bytes.size() / 2);
    else if (damage == QLatin1String("flip"))
        bytes.replace(bytes.size() / 2, 4'096, QByteArray(4'096, '\xff'));
    else
        bytes.replace(20, 60, QByteArray(60, '\xff'));
    QVERIFY(file.resize(0) && file.seek(0) && file.write(bytes) == bytes.size());
    file.close();

    Database database(fileIn(dir));
    const Result<> opened = database.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error().message));
    const auto left = countPaths(database);
    QVERIFY(left);
    qInfo("%lld of %d were salvaged", static_cast<long long>(*left), Paths);
    if (damage == QLatin1String("header"))
        QCOMPARE(*left, Paths);
    else if (damage != QLatin1String("junk"))
        QVERIFY(*left > Paths / 10 && *left < Paths);
    // Nothing of the old one is gone.
    const QStringList aside =
        QDir(dir.path()).entryList({QStringLiteral("s.db.damaged-*")}, QDir::Files);
    QCOMPARE(aside.filter(QRegularExpression(QStringLiteral("\\d$"))).size(), 1);
    QFile kept(dir.filePath(aside.first()));
    QVERIFY(kept.open(QIODevice::ReadOnly));
    QCOMPARE(kept.readAll(), bytes);
    QVERIFY2(database.notice().contains(aside.first()), qPrintable(database.notice()));
    QVERIFY(await(add(database, QStringLiteral("/new"))));
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
