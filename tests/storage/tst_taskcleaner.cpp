#include <QFileInfo>
#include <QTemporaryDir>
#include <QtTest>

#include "storage/database.h"
#include "storage/taskcleaner.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using celldeck::test::await;
using namespace std::chrono_literals;

namespace {

constexpr UtcTime Now = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};

struct Fixture
{
    explicit Fixture(const QString &folder)
        : database(folder + QStringLiteral("/state.db")), store(database), cleaner(database, store)
    {
        opened = database.open();
    }

    TaskId add(const QString &code, TaskState state, std::chrono::hours ago,
               const QByteArray &outputs = "[]")
    {
        TaskDraft draft;
        draft.notebookPath = QStringLiteral("/n/a.ipynb");
        draft.code = code;
        const auto task = await(store.insert({draft}, Now - ago));
        const TaskId id = task->first().id;
        if (state != TaskState::Pending && !await(store.markRunning(id, "m", Now - ago)))
            return {};
        TaskOutcome outcome;
        outcome.state = state;
        outcome.outputs = outputs;
        outcome.finishedAt = Now - ago;
        if (isFinal(state) && !await(store.finish(id, outcome)))
            return {};
        return id;
    }

    QStringList left()
    {
        QStringList codes;
        const auto tasks = await(store.list({}));
        for (const TaskRecord &task : tasks ? *tasks : QList<TaskRecord>{})
            codes.prepend(task.code);
        return codes;
    }

    std::int64_t count(const char *what)
    {
        const auto number = await(database.read<std::int64_t>([what](Connection &connection) {
            return connection.number(
                QStringLiteral("SELECT count(*) FROM %1").arg(QLatin1String(what)));
        }));
        return number.value_or(-1);
    }

    Database database;
    TaskStore store;
    TaskCleaner cleaner;
    Result<> opened;
};

}  // namespace

class TestTaskCleaner : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void onlyWhatIsDueGoes();
    void aPreviewChangesNothing();
    void contentsInUseStay();
    void contentsThatComeBackDuringACleanupStay();
    void theFileGetsSmaller();
    void overItsSizeTheOldestGo();
    void oneAtATime();
};

void TestTaskCleaner::onlyWhatIsDueGoes()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.opened);
    f.add(QStringLiteral("old pending"), TaskState::Pending, 24h * 100);
    f.add(QStringLiteral("old running"), TaskState::Running, 24h * 100);
    f.add(QStringLiteral("old failed"), TaskState::Failed, 24h * 8);
    f.add(QStringLiteral("old interrupted"), TaskState::Interrupted, 24h * 8);
    f.add(QStringLiteral("failed"), TaskState::Failed, 24h * 6);
    f.add(QStringLiteral("old completed"), TaskState::Completed, 25h);
    f.add(QStringLiteral("completed"), TaskState::Completed, 23h);
    const auto report = await(f.cleaner.runOnce({}, CleanupMode::Remove, Now));
    QVERIFY2(report, report ? "" : qPrintable(report.error().message));
    QCOMPARE(report->tasks, 3);
    QCOMPARE(report->cells, 3);
    QStringList left = f.left();
    left.sort();
    QCOMPARE(left, (QStringList{QStringLiteral("completed"), QStringLiteral("failed"),
                                QStringLiteral("old pending"), QStringLiteral("old running")}));
    const auto stats = await(f.store.stats(Now));
    QVERIFY(stats);
    QCOMPARE(stats->completed, 1);
    QCOMPARE(stats->failed, 1);
    QCOMPARE(stats->interrupted, 0);
    QCOMPARE(stats->pending, 1);
    const auto again = await(f.cleaner.runOnce({}, CleanupMode::Remove, Now));
    QVERIFY(again);
    QCOMPARE(again->tasks, 0);
}

void TestTaskCleaner::aPreviewChangesNothing()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    f.add(QStringLiteral("a"), TaskState::Completed, 25h);
    const auto report = await(f.cleaner.runOnce({}, CleanupMode::Preview, Now));
    QVERIFY(report);
    QCOMPARE(report->tasks, 1);
    QCOMPARE(f.left().size(), 1);
}

void TestTaskCleaner::contentsInUseStay()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    f.add(QStringLiteral("same"), TaskState::Completed, 25h);
    f.add(QStringLiteral("same"), TaskState::Completed, 1h);
    QCOMPARE(f.count("cell"), 1);
    const auto report = await(f.cleaner.runOnce({}, CleanupMode::Remove, Now));
    QVERIFY(report);
    QCOMPARE(report->tasks, 1);
    QCOMPARE(report->cells, 0);
    QCOMPARE(f.left(), QStringList{QStringLiteral("same")});
}

void TestTaskCleaner::contentsThatComeBackDuringACleanupStay()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    // Enough for a cleanup of several transactions.
    constexpr int Tasks = 800;
    const auto outputsOf = [](int i) -> QByteArray {
        return "[" + QByteArray::number(i) + QByteArray(100, '0') + "]";
    };
    for (int i = 0; i < Tasks; ++i)
        f.add(QString::number(i), TaskState::Completed, 25h, outputsOf(i));
    const auto cleaning = f.cleaner.runOnce({}, CleanupMode::Remove, Now);
    // Beside each of its steps, whichever that is: contents whose turn comes last.
    QList<TaskId> added;
    for (int i = Tasks - 1; !cleaning.isResolved(); --i)
        added << f.add(QString::number(i), TaskState::Completed, 1h, outputsOf(i));
    const auto report = await(cleaning);
    QVERIFY(report);
    QCOMPARE(report->tasks, Tasks);
    QVERIFY(added.size() > 3);
    for (qsizetype i = 0; i < added.size(); ++i) {
        const auto detail = await(f.store.load(added[i]));
        QVERIFY2(detail, detail ? "" : qPrintable(detail.error().message));
        QCOMPARE(detail->task.code, QString::number(Tasks - 1 - i));
        QCOMPARE(detail->outputs, outputsOf(int(Tasks - 1 - i)));
    }
}

void TestTaskCleaner::theFileGetsSmaller()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    for (int i = 0; i < 600; ++i)
        f.add(QString::number(i), TaskState::Completed, 25h,
              QByteArray::number(i) + QByteArray(10'000, 'x'));
    f.add(QStringLiteral("kept"), TaskState::Completed, 1h);
    const auto report = await(f.cleaner.runOnce({}, CleanupMode::Remove, Now));
    QVERIFY(report);
    QCOMPARE(report->tasks, 600);
    QCOMPARE(report->cells, 600);
    QCOMPARE(report->outputs, 600);
    f.database.close();
    const qint64 size = QFileInfo(f.database.file()).size();
    QVERIFY2(size < 200'000, qPrintable(QString::number(size)));
}

void TestTaskCleaner::overItsSizeTheOldestGo()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    constexpr int Tasks = 600;
    constexpr std::int64_t Limit = 1'500'000;
    f.add(QStringLiteral("pending"), TaskState::Pending, 24h);
    f.add(QStringLiteral("running"), TaskState::Running, 24h);
    for (int i = 0; i < Tasks; ++i)
        f.add(QString::number(i), i % 2 == 0 ? TaskState::Completed : TaskState::Failed, 0h,
              QByteArray::number(i) + QByteArray(5'000, 'x'));
    const auto used = [&f] {
        return await(f.database.read<std::int64_t>(
            [](Connection &connection) { return connection.usedBytes(); }));
    };
    QVERIFY(*used() > 2 * Limit);
    const auto report = await(f.cleaner.runOnce({.largestBytes = Limit}, CleanupMode::Remove, Now));
    QVERIFY2(report, report ? "" : qPrintable(report.error().message));
    QVERIFY2(*used() <= Limit && *used() > Limit / 2, qPrintable(QString::number(*used())));
    QVERIFY(report->tasks > Tasks / 2);
    QCOMPARE(report->outputs, report->tasks);
    TaskFilter all;
    all.limit = Tasks;
    const auto left = await(f.store.list(all));
    QVERIFY(left);
    QCOMPARE(left->size(), Tasks - report->tasks + 2);
    QCOMPARE(left->last().code, QStringLiteral("pending"));
    QCOMPARE(left->at(left->size() - 2).code, QStringLiteral("running"));
    for (qsizetype i = 0; i < left->size() - 2; ++i)
        QCOMPARE(left->at(i).code, QString::number(Tasks - 1 - i));
    // What may not go stays, however large it is.
    const auto rest = await(f.cleaner.runOnce({.largestBytes = 1}, CleanupMode::Remove, Now));
    QVERIFY(rest);
    QCOMPARE(f.left(), (QStringList{QStringLiteral("pending"), QStringLiteral("running")}));
}

void TestTaskCleaner::oneAtATime()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    f.add(QStringLiteral("a"), TaskState::Completed, 25h);
    const auto first = f.cleaner.runOnce({}, CleanupMode::Remove, Now);
    const auto second = await(f.cleaner.runOnce({}, CleanupMode::Remove, Now));
    QVERIFY(!second);
    QCOMPARE(second.error().code, ErrorCode::Conflict);
    QVERIFY(await(first));
}

QTEST_GUILESS_MAIN(TestTaskCleaner)
#include "tst_taskcleaner.moc"
