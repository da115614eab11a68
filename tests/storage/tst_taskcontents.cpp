#include <QFileInfo>
#include <QTemporaryDir>
#include <QtTest>

#include "base/json.h"
#include "support/await.h"
#include "taskstorefixture.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::test;

/// What tasks carry: kept as it was, once, small, and as operators read it.
class TestTaskContents : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void theViewAnswersAsOperatorsExpect();
    void outputsComeBackByteForByte_data();
    void outputsComeBackByteForByte();
    void contentsAreStoredOnce();
    void aRowIsTakenOnlyForWhatItHolds();
    void textsOfAllKindsComeBack_data();
    void textsOfAllKindsComeBack();
    void aHundredThousandTasksAreSmall();
};

void TestTaskContents::theViewAnswersAsOperatorsExpect()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    TaskDraft keyed = draft(QStringLiteral("1+1"), 2);
    keyed.key = QStringLiteral("run-1");
    const auto tasks = *await(f.store.insert({keyed, draft()}, Start));
    TaskOutcome outcome;
    outcome.executionCount = 3;
    outcome.outputs = "[{\"a\":\"ü\"}]";
    outcome.finishedAt = Start + Milliseconds(1234);
    QVERIFY(await(f.store.markRunning(tasks[0].id, "m", Start + Milliseconds(1000))));
    QVERIFY(await(f.store.finish(tasks[0].id, outcome)));
    QCOMPARE(
        sqlite(f.database.file(), QStringLiteral("SELECT * FROM execution_queue"))
            .split(QLatin1Char('\n')),
        (QStringList{QStringLiteral("run-1|/n/a.ipynb|2|1+1|completed|2026-11-24T00:00:00.000Z|"
                                    "2026-11-24T00:00:01.000Z|2026-11-24T00:00:01.234Z||3|"
                                    "[{\"a\":\"ü\"}]|0"),
                     toText(tasks[1].id) +
                         QStringLiteral("|/n/a.ipynb|0|print(1)|pending|2026-11-24T00:00:00.000Z"
                                        "||||||[]|0")
                             .replace(QStringLiteral("||||||"), QStringLiteral("|||||"))}));
    QCOMPARE(
        sqlite(f.database.file(), QStringLiteral("SELECT json_extract(outputs_json, '$[0].a') FROM "
                                                 "execution_queue WHERE status='completed'")),
        QStringLiteral("ü"));
    QCOMPARE(sqlite(f.database.file(), QStringLiteral("SELECT count(*) FROM asset_leases")),
             QStringLiteral("0"));
}

void TestTaskContents::outputsComeBackByteForByte_data()
{
    QTest::addColumn<QByteArray>("outputs");
    const auto shown = [](const QByteArray &text, const QByteArray &count) -> QByteArray {
        return R"([{"data":{"text/plain":")" + text + R"("},"execution_count":)" + count +
               R"(,"metadata":{},"output_type":"execute_result"}])";
    };
    QTest::newRow("none") << QByteArray("[]");
    QTest::newRow("a line") << printed("1\\n");
    QTest::newRow("nothing printed") << printed("");
    QTest::newRow("a long line") << printed(QByteArray(5'000, 'x'));
    QTest::newRow("all sorts of characters")
        << printed("\\\"\\\\\\u0001\\t\xc3\xbc\xf0\x9f\x90\xa7/");
    QTest::newRow("a NUL") << printed("a\\u0000b");
    QTest::newRow("escapes that nobody needs") << printed("\\u0041");
    QTest::newRow("stderr") << printed("1").replace("stdout", "stderr");
    QTest::newRow("two texts") << printed("1\",\"text\":\"2");
    QTest::newRow("a value") << shown("42", "7");
    QTest::newRow("a long value") << shown(QByteArray(100, '4'), "7");
    QTest::newRow("a value of another count") << shown("42", "8");
    QTest::newRow("no JSON of ours") << QByteArray("[{ \"a\": 1}]");
    QTest::newRow("more than one") << QByteArray("[{\"a\":1},{\"b\":2}]");
}

void TestTaskContents::outputsComeBackByteForByte()
{
    QFETCH(QByteArray, outputs);
    QTemporaryDir dir;
    Fixture f(dir.path());
    TaskOutcome outcome;
    outcome.executionCount = 7;
    outcome.outputs = outputs;
    outcome.finishedAt = Start;
    const auto tasks = *await(f.store.insert({draft(), draft(), draft()}, Start));
    for (const TaskRecord &task : tasks)
        QVERIFY(await(f.store.finish(task.id, outcome)));
    QVERIFY(await(f.store.amendOutputs(tasks[2].id, "[1]")));
    QVERIFY(await(f.store.amendOutputs(tasks[2].id, outputs)));
    for (const TaskRecord &task : tasks)
        QCOMPARE(await(f.store.load(task.id))->outputs, outputs);
    // And SQL shows the same.
    const QString shown = sqlite(
        f.database.file(), QStringLiteral("SELECT DISTINCT outputs_json FROM execution_queue"));
    const auto json = parseJson(shown.toUtf8());
    QVERIFY2(json, qPrintable(shown));
    QCOMPARE(toBytes(*json), toBytes(*parseJson(outputs)));
}

void TestTaskContents::contentsAreStoredOnce()
{
    QTemporaryDir dir;
    const QByteArray big = "[\"" + QByteArray(5'000, 'x') + "\"]";
    const auto run = [&dir, &big] {
        Fixture f(dir.path());
        const auto tasks = *await(f.store.insert({draft(), draft(), draft({}, 7)}, Start));
        TaskOutcome outcome;
        outcome.outputs = big;
        outcome.finishedAt = Start;
        for (const TaskRecord &task : tasks)
            QVERIFY(await(f.store.finish(task.id, outcome)));
    };
    run();
    run();  // after a restart too
    const QString file = dir.path() + QStringLiteral("/sessions/state.db");
    QCOMPARE(sqlite(file, QStringLiteral("SELECT count(*) FROM task")), QStringLiteral("6"));
    QCOMPARE(sqlite(file, QStringLiteral("SELECT count(*) FROM cell")), QStringLiteral("2"));
    QCOMPARE(sqlite(file, QStringLiteral("SELECT count(*) FROM output")), QStringLiteral("1"));
}

/// As two contents with one hash would meet.
void TestTaskContents::aRowIsTakenOnlyForWhatItHolds()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    TaskOutcome outcome;
    outcome.outputs = "[\"" + QByteArray(100, 'x') + "\"]";
    outcome.finishedAt = Start;
    const TaskId first = await(f.store.insert({draft()}, Start))->first().id;
    QVERIFY(await(f.store.finish(first, outcome)));
    sqlite(f.database.file(), QStringLiteral("UPDATE cell SET code = 'other';"
                                             "UPDATE output SET value = CAST('[1]' AS BLOB)"));
    const TaskId second = await(f.store.insert({draft()}, Start))->first().id;
    QVERIFY(await(f.store.finish(second, outcome)));
    QCOMPARE(await(f.store.load(second))->task.code, draft().code);
    QCOMPARE(await(f.store.load(second))->outputs, outcome.outputs);
    QCOMPARE(await(f.store.load(first))->outputs, QByteArray("[1]"));
    // And the row that does hold it is found from now on.
    QVERIFY(await(f.store.insert({draft()}, Start)));
    QCOMPARE(sqlite(f.database.file(), QStringLiteral("SELECT count(*) FROM cell")),
             QStringLiteral("2"));
}

void TestTaskContents::textsOfAllKindsComeBack_data()
{
    QTest::addColumn<QString>("code");
    QTest::addColumn<QString>("kept");
    const auto row = [](const char *name, const QString &code) {
        QTest::newRow(name) << code << code;
    };
    row("none", QStringLiteral(""));
    row("two, three and four bytes a character", QStringLiteral("ü√\U0001f427").repeated(100));
    row("long", QString(100'000, QLatin1Char('x')));
    row("long, of three bytes", QString(100'000, QChar(0x221a)));
    row("a byte order mark", QChar(0xfeff) + QStringLiteral("x = 1"));
    row("a NUL", QStringLiteral("a") + QChar(0) + QStringLiteral("b"));
    // UTF-8 cannot hold half a character.
    QTest::newRow("half a character")
        << QStringLiteral("a") + QChar(0xd83d) << QStringLiteral("a") + QChar(0xfffd);
}

void TestTaskContents::textsOfAllKindsComeBack()
{
    QFETCH(QString, code);
    QFETCH(QString, kept);
    QTemporaryDir dir;
    Fixture f(dir.path());
    TaskDraft made = draft(code);
    made.cellId = QStringLiteral("√ cell");
    made.key = QStringLiteral("ключ");
    const TaskId id = await(f.store.insert({made}, Start))->first().id;
    const auto task = await(f.store.load(id));
    QVERIFY(task);
    QCOMPARE(task->task.code, kept);
    QCOMPARE(task->task.cellId, made.cellId);
    QCOMPARE(task->task.key, made.key);
}

void TestTaskContents::aHundredThousandTasksAreSmall()
{
    QTemporaryDir dir;
    constexpr int Tasks = 100'000;
    int number = 0;
    {
        Fixture f(dir.path());
        UtcTime now = Start;
        for (int round = 0; round < Tasks / 1000; ++round) {
            QList<TaskDraft> drafts;
            for (int i = 0; i < 1000; ++i) {
                drafts << draft(QStringLiteral("print('cell %1')").arg(i % 50), i % 50);
                drafts.last().cellId = QStringLiteral("cell-%1").arg(i % 50);
            }
            const auto tasks = await(f.store.insert(drafts, now));
            QVERIFY(tasks);
            Waiter<> last;
            for (const TaskRecord &task : *tasks) {
                now += Milliseconds(7);
                (void)f.store.markRunning(task.id, "0123456789-0123456789_1234_17", now);
                TaskOutcome outcome;
                outcome.executionCount = task.cellIndex + 1;
                outcome.outputs = printed(QByteArray::number(++number) + "\\n");
                outcome.finishedAt = now + Milliseconds(5);
                last = f.store.finish(task.id, outcome);
            }
            QVERIFY(await(last));
        }
        QCOMPARE(await(f.store.stats(now))->completed, Tasks);
    }
    const QString file = dir.path() + QStringLiteral("/sessions/state.db");
    QCOMPARE(sqlite(file, QStringLiteral("SELECT count(DISTINCT json_extract(outputs_json,"
                                         " '$[0].text')) FROM execution_queue")),
             QString::number(Tasks));
    const qint64 bytes = QFileInfo(file).size();
    qInfo("100,000 completed tasks take %lld bytes", bytes);
    QVERIFY2(bytes <= 5'000'000, qPrintable(QString::number(bytes)));
}

QTEST_GUILESS_MAIN(TestTaskContents)
#include "tst_taskcontents.moc"
