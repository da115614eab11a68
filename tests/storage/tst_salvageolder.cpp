#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "storage/database.h"
#include "storage/migrator.h"
#include "storage/replacement.h"
#include "storage/schema.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using celldeck::test::await;

/// A damaged database of an older program.
class TestSalvageOlder : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void anOlderSchemaKeepsAllThatItHas();
};

void TestSalvageOlder::anOlderSchemaKeepsAllThatItHas()
{
    for (int version = 1; version <= currentSchema(); ++version) {
        const QTemporaryDir dir;
        const QString file = dir.filePath(QStringLiteral("state.db"));
        {
            auto made = Connection::open(file, Connection::Mode::Write);
            QVERIFY(made && raise(**made, version));
            const bool hasTerms = version >= 4;  // of many cells, each once
            QStringList statements{
                QStringLiteral("INSERT INTO notebook(id, path) VALUES(3, '/n/a.ipynb')")};
            if (hasTerms)
                statements << QStringLiteral("INSERT INTO terms VALUES(5, 'ir', 3, 7000)");
            statements << QStringLiteral(
                              "INSERT INTO cell(id, notebook, position, code, %1)"
                              " VALUES(70000, 3, 2, 'x', %2)")
                              .arg(hasTerms ? QStringLiteral("terms")
                                            : QStringLiteral("kernel, flags, time_limit"),
                                   hasTerms ? QStringLiteral("5") : QStringLiteral("'ir', 3, 7000"))
                       << QStringLiteral(
                              "INSERT INTO task(id, state, cell) VALUES(90000000, 0, 70000)");
            for (const QString &statement : std::as_const(statements))
                QVERIFY((*made)->queryOnce(statement, {}, [](const Row &) {}));
        }
        QFile mark(file + QLatin1String(DamageMark));
        QVERIFY(mark.open(QIODevice::WriteOnly) && mark.write("found") > 0);
        mark.close();
        Database database(file);
        TaskStore store(database);
        QVERIFY(database.open());
        QVERIFY(!database.notice().isEmpty());
        const auto listed = await(store.list({}));
        QVERIFY(listed);
        QCOMPARE(listed->size(), 1);
        const TaskRecord &task = listed->first();
        QCOMPARE(task.state, TaskState::Pending);
        QCOMPARE(task.kernelName, QStringLiteral("ir"));
        QCOMPARE(task.limit, std::optional(Milliseconds(7'000)));
        QVERIFY(task.stopOnError && !task.writeBack);
    }
}

QTEST_GUILESS_MAIN(TestSalvageOlder)
#include "tst_salvageolder.moc"
