#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QtTest>

#include "databasewrites.h"
#include "storage/database.h"
#include "storage/maintenance.h"
#include "storage/migrator.h"
#include "storage/queries.h"
#include "storage/schema.h"
#include "storage/schematext.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::test;

class TestDatabase : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aFolderThatCannotBeMadeIsNamed();
    void aDamagedFileIsSetAsideAndSalvaged_data();
    void aDamagedFileIsSetAsideAndSalvaged();
    void aNewerSchemaIsRefusedAndKept();
    void noTwoVersionsHaveTheSameSchema();
    void aWrongByteInTheVersionIsDamage_data();
    void aWrongByteInTheVersionIsDamage();
    void everyOlderSchemaIsBroughtUpToDate_data();
    void everyOlderSchemaIsBroughtUpToDate();

private:
    static QString fileIn(const QTemporaryDir &dir) { return dir.filePath(QStringLiteral("s.db")); }
};

namespace {

// The first version in which what cells have in common stands in `terms`.
constexpr int TermsSince = 4;

/// Two pending tasks and one that has ended.
QStringList rowsOf(int version)
{
    QStringList rows;
    if (version < TermsSince)
        rows << QStringLiteral("INSERT INTO cell(id, notebook, code) VALUES(99999999999, 1, 'x')")
             << QStringLiteral(
                    "INSERT INTO cell(id, notebook, code, kernel, flags, time_limit)"
                    " VALUES(1, 1, 'y', 'ir', 1, 1500)");
    else
        rows << QStringLiteral(
                    "INSERT INTO terms(id, kernel, flags, time_limit)"
                    " VALUES(1, 'ir', 1, 1500)")
             << QStringLiteral("INSERT INTO cell(id, notebook, code) VALUES(2, 1, 'x')")
             << QStringLiteral("INSERT INTO cell(id, notebook, code, terms) VALUES(1, 1, 'y', 1)");
    return rows << QStringLiteral(
                       "INSERT INTO task(id, state, cell) SELECT 32768, 0, id"
                       " FROM cell WHERE code = 'x'")
                << QStringLiteral("INSERT INTO task(id, state, cell) VALUES(32769, 0, 1)")
                << QStringLiteral(
                       "INSERT INTO task(id, state, cell, outputs)"
                       " SELECT 32770, 2, id, x'5b315d' FROM cell WHERE code = 'x'");
}

Result<std::int64_t> countPaths(Database &database)
{
    return await(database.read<std::int64_t>([](Connection &connection) {
        return connection.number(QStringLiteral("SELECT count(*) FROM notebook"));
    }));
}

constexpr qsizetype PageBytes = 4'096;

/// Where a page of a table's rows begins that has this text in it (sqlite.org/fileformat2.html,
/// section 1.6); not the first, nor one of an index, of which nothing would be missing.
qsizetype leafWith(const QByteArray &database, QByteArrayView text)
{
    constexpr char TableLeaf = 13;
    for (qsizetype at = 10 * PageBytes; at < database.size(); at += PageBytes) {
        if (database[at] == TableLeaf && database.mid(at, PageBytes).contains(text))
            return at;
    }
    qFatal("no page has %s in it", text.data());
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
        bytes.replace(leafWith(bytes, "/notebooks/of/somebody/"), PageBytes,
                      QByteArray(PageBytes, '\xff'));
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
        for (const QString &sql :
             {QStringLiteral("CREATE TABLE newer(id INTEGER PRIMARY KEY)"),
              QStringLiteral("PRAGMA user_version=%1").arg(currentSchema() + 1)})
            QVERIFY((*connection)->queryOnce(sql, {}, [](const Row &) {}));
    }
    Database database(fileIn(dir));
    const Result<> opened = database.open();
    QVERIFY(!opened);
    QCOMPARE(opened.error().code, ErrorCode::NewerSchema);
    QVERIFY(opened.error().message.contains(fileIn(dir)));
}

/// Else a wrong byte in the version could not be told from another version. A step that changes no
/// table, index or view has to add one.
void TestDatabase::noTwoVersionsHaveTheSameSchema()
{
    for (int version = 1; version <= currentSchema(); ++version) {
        auto connection = Connection::open(QStringLiteral(":memory:"), Connection::Mode::Write);
        QVERIFY(connection && raise(**connection, version));
        for (int other = 0; other <= currentSchema(); ++other)
            QCOMPARE(*isSchemaOf(**connection, other), other == version);
    }
}

void TestDatabase::aWrongByteInTheVersionIsDamage_data()
{
    QTest::addColumn<int>("place");
    QTest::addColumn<char>("byte");
    // Four bytes, the highest first.
    QTest::newRow("by one") << 63 << char(currentSchema() + 1);
    QTest::newRow("by many") << 63 << '\xe5';
    QTest::newRow("older") << 63 << '\x01';
    QTest::newRow("none") << 63 << '\0';
    QTest::newRow("negative") << 60 << '\x80';
}

void TestDatabase::aWrongByteInTheVersionIsDamage()
{
    QFETCH(int, place);
    QFETCH(char, byte);
    QTemporaryDir dir;
    TaskId id;
    {
        Database database(fileIn(dir));
        QVERIFY(database.open());
        TaskStore store(database);
        TaskDraft draft;
        draft.notebookPath = QStringLiteral("/n/a.ipynb");
        draft.code = QStringLiteral("print(1)");
        const auto tasks = await(store.insert({draft}, SystemClock().now()));
        QVERIFY(tasks);
        id = tasks->first().id;
    }
    QFile file(fileIn(dir));
    QVERIFY(file.open(QIODevice::ReadWrite) && file.seek(place) && file.putChar(byte));
    file.close();
    // Those who only read do not take it for a newer one either.
    if (place != 63 || byte != '\x01') {
        const auto checked = check(fileIn(dir), CheckDepth::Quick);
        QVERIFY(!checked);
        QCOMPARE(checked.error().code, ErrorCode::Damaged);
        const auto queries = Queries::open(fileIn(dir));
        QVERIFY(!queries);
        QCOMPARE(queries.error().code, ErrorCode::Damaged);
    }
    Database database(fileIn(dir));
    const Result<> opened = database.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error().message));
    QVERIFY2(database.notice().contains(QStringLiteral("damaged")), qPrintable(database.notice()));
    TaskStore store(database);
    const auto kept = await(store.load(id));
    QVERIFY(kept);
    QCOMPARE(kept->task.code, QStringLiteral("print(1)"));
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
        statements << QStringLiteral("INSERT INTO notebook(id, path) VALUES(1, '/n/a.ipynb')");
        statements += rowsOf(version);
        statements << QStringLiteral("PRAGMA user_version=%1").arg(version);
        for (const QString &statement : std::as_const(statements))
            QVERIFY2((*connection)->queryOnce(statement, {}, [](const Row &) {}),
                     qPrintable(statement));
    }
    Database database(fileIn(dir));
    TaskStore store(database);
    const Result<> opened = database.open();
    QVERIFY2(opened, opened ? "" : qPrintable(opened.error().message));
    const auto tasks = await(store.loadUnfinished());
    QVERIFY(tasks);
    QCOMPARE(tasks->size(), 2);
    QCOMPARE(tasks->at(0).code, QStringLiteral("x"));
    QCOMPARE(tasks->at(0).kernelName, QString());
    QCOMPARE(tasks->at(1).code, QStringLiteral("y"));
    QCOMPARE(tasks->at(1).kernelName, QStringLiteral("ir"));
    QCOMPARE(tasks->at(1).limit, std::optional(Milliseconds(1'500)));
    QVERIFY(tasks->at(1).stopOnError);
    const auto ended = await(store.load(TaskId(32'770)));
    QVERIFY(ended);
    QCOMPARE(ended->task.code, QStringLiteral("x"));
    QCOMPARE(ended->outputs, QByteArray("[1]"));
    // What comes now finds the notebook's cells as they are stored.
    TaskDraft again;
    again.notebookPath = QStringLiteral("/n/a.ipynb");
    again.code = QStringLiteral("x");
    QVERIFY(await(store.insert({again}, timeOf(TaskId(1LL << 40)))));
    const auto cells = await(database.read<std::int64_t>([](Connection &connection) {
        return connection.number(QStringLiteral("SELECT max(id) FROM cell"));
    }));
    QCOMPARE(cells, Result<std::int64_t>(2));
    QVERIFY(QFile::exists(fileIn(dir) + QStringLiteral(".v%1.backup").arg(version)));
}

QTEST_GUILESS_MAIN(TestDatabase)
#include "tst_database.moc"
