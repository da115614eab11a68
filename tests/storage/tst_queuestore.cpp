#include <QTemporaryDir>
#include <QtTest>

#include "storage/database.h"
#include "storage/kernelstore.h"
#include "storage/queuestore.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using celldeck::test::await;

namespace {

constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
const QString A = QStringLiteral("/n/a.ipynb");
const QString B = QStringLiteral("/n/b.ipynb");

TaskDraft draft(const QString &code)
{
    TaskDraft made;
    made.notebookPath = A;
    made.code = code;
    return made;
}

struct Fixture
{
    explicit Fixture(const QString &folder)
        : database(folder + QStringLiteral("/state.db")),
          tasks(database),
          orders(database),
          kernels(database)
    {
        opened = database.open();
    }
    Database database;
    TaskStore tasks;
    QueueStore orders;
    KernelStore kernels;
    Result<> opened;
};

}  // namespace

/// What operators have said, which kernels run, and in which order tasks wait: kept over restarts.
class TestQueueStore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void ordersAreKept();
    void anUncleanEndIsTold();
    void kernelsAreKeptOneANotebook();
    void theGivenOrderIsKept();
    void outputsSoFarAreKeptWhileItRuns();
    void whatIsShownUnderAnIdIsKnown();
    void aLostKernelIsOneStep();
    void aReplayIsLinked();
};

void TestQueueStore::ordersAreKept()
{
    QTemporaryDir dir;
    {
        Fixture f(dir.path());
        QVERIFY(f.opened);
        QVERIFY(await(f.orders.setFlow({}, Flow::Paused)));
        QVERIFY(await(f.orders.setFlow(A, Flow::Paused)));
        QVERIFY(await(f.orders.setFlow(B, Flow::Paused)));
        QVERIFY(await(f.orders.setFlow(B, Flow::Runs)));
        QVERIFY(await(f.orders.setOnError(A, OnError::Stop)));
        QVERIFY(await(f.orders.setOnError(B, OnError::GoOn)));
    }
    Fixture f(dir.path());
    auto orders = await(f.orders.load());
    QVERIFY(orders);
    QCOMPARE(orders->flow, Flow::Paused);
    QCOMPARE(orders->pausedNotebooks, QSet<QString>{A});
    QCOMPARE(orders->onError.value(A), OnError::Stop);
    QCOMPARE(orders->onError.value(B), OnError::GoOn);
    QVERIFY(await(f.orders.setFlow({}, Flow::Runs)));
    QVERIFY(await(f.orders.setOnError(A, OnError::AsSubmitted)));
    orders = await(f.orders.load());
    QVERIFY(orders);
    QCOMPARE(orders->flow, Flow::Runs);
    QVERIFY(!orders->onError.contains(A));
}

void TestQueueStore::anUncleanEndIsTold()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    auto before = await(f.orders.begin(Start));
    QVERIFY(before);
    QVERIFY(!before->has_value());
    before = await(f.orders.begin(Start + std::chrono::hours(1)));
    QVERIFY(before);
    QCOMPARE(*before, std::optional<UtcTime>(Start));
    QVERIFY(await(f.orders.end()));
    before = await(f.orders.begin(Start));
    QVERIFY(before);
    QVERIFY(!before->has_value());
}

void TestQueueStore::kernelsAreKeptOneANotebook()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    KernelRecord kernel{.notebookPath = A,
                        .name = QStringLiteral("python3"),
                        .connectionFile = QStringLiteral("/rt/kernel-1.json"),
                        .session = QStringLiteral("s1"),
                        .pid = 4'000'000,
                        .processStarted = 1ULL << 40U,
                        .boot = QStringLiteral("b"),
                        .since = Start};
    QVERIFY(await(f.kernels.save(kernel)));
    kernel.pid = 7;
    QVERIFY(await(f.kernels.save(kernel)));
    auto kernels = await(f.kernels.load());
    QVERIFY(kernels);
    QCOMPARE(*kernels, QList<KernelRecord>{kernel});
    QVERIFY(await(f.kernels.remove(A)));
    QVERIFY(await(f.kernels.remove(B)));  // there is none: as asked
    kernels = await(f.kernels.load());
    QVERIFY(kernels);
    QVERIFY(kernels->isEmpty());
}

void TestQueueStore::theGivenOrderIsKept()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QList<TaskId> ids;
    for (int i = 0; i < 4; ++i) {
        const auto task = await(f.tasks.insert({draft(QString::number(i))}, Start));
        QVERIFY(task);
        ids << task->first().id;
    }
    QVERIFY(await(f.tasks.reorder({ids[2], ids[0], ids[1]})));
    const auto codes = [&f] {
        QStringList all;
        const auto tasks = await(f.tasks.loadUnfinished());
        for (const TaskRecord &task : tasks ? *tasks : QList<TaskRecord>{})
            all << task.code;
        return all.join(QLatin1Char(' '));
    };
    QCOMPARE(codes(), QStringLiteral("2 0 1 3"));
    QVERIFY(await(f.tasks.reorder({ids[0], ids[1], ids[3], ids[2]})));
    QCOMPARE(codes(), QStringLiteral("0 1 3 2"));
}

void TestQueueStore::outputsSoFarAreKeptWhileItRuns()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const auto task = await(f.tasks.insert({draft({})}, Start));
    QVERIFY(task);
    const TaskId id = task->first().id;
    const auto early = await(f.tasks.keepPartial(id, "[1]"));
    QVERIFY(!early);
    QCOMPARE(early.error().code, ErrorCode::Stale);
    QVERIFY(await(f.tasks.markRunning(id, "m", Start)));
    QVERIFY(await(f.tasks.keepPartial(id, "[1]")));
    QCOMPARE(await(f.tasks.load(id))->outputs, QByteArray("[1]"));
    TaskOutcome outcome;
    outcome.outputs = "[2]";
    outcome.finishedAt = Start;
    QVERIFY(await(f.tasks.finish(id, outcome)));
    const auto late = await(f.tasks.keepPartial(id, "[1]"));
    QVERIFY(!late);
    QCOMPARE(await(f.tasks.load(id))->outputs, QByteArray("[2]"));
}

void TestQueueStore::whatIsShownUnderAnIdIsKnown()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const auto tasks = await(f.tasks.insert({draft({}), draft({}), draft({})}, Start));
    QVERIFY(tasks);
    const QString path = tasks->first().notebookPath;
    const auto shown = [&](UtcTime since) {
        QStringList all;
        const auto details = await(f.tasks.loadShown(path, since));
        for (const TaskDetail &detail : details ? *details : QList<TaskDetail>{})
            all << QString::fromUtf8(detail.displays);
        return all.join(QLatin1Char(' '));
    };
    TaskOutcome outcome;
    outcome.finishedAt = Start;
    for (const TaskRecord &task : *tasks)
        QVERIFY(await(f.tasks.markRunning(task.id, "m", Start)));
    QVERIFY(await(f.tasks.keepPartial(tasks->at(0).id, "[]", R"({"places":{"a":[0]}})")));
    QVERIFY(await(f.tasks.keepPartial(tasks->at(1).id, "[]")));
    QCOMPARE(shown(Start), QStringLiteral(R"({"places":{"a":[0]}})"));
    QCOMPARE(await(f.tasks.load(tasks->at(1).id))->displays, QByteArray("{}"));
    outcome.displays = "{}";  // It has cleared that.
    QVERIFY(await(f.tasks.finish(tasks->at(0).id, outcome)));
    outcome.displays = R"({"places":{"b":[1]}})";
    QVERIFY(await(f.tasks.finish(tasks->at(2).id, outcome)));
    QCOMPARE(shown(Start), QStringLiteral(R"({} {"places":{"b":[1]}})"));
    QCOMPARE(shown(Start + Milliseconds(1)), QString());
    QVERIFY(await(f.tasks.removeEnded({tasks->at(2).id})));
    QCOMPARE(shown(Start), QStringLiteral("{}"));
}

void TestQueueStore::aLostKernelIsOneStep()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const auto has = [&f] {
        return std::ranges::count(*await(f.kernels.load()), false, &KernelRecord::isLost);
    };
    const auto task = await(f.tasks.insert({draft({})}, Start));
    QVERIFY(task);
    const TaskId id = task->first().id;
    KernelRecord kernel;
    kernel.notebookPath = A;
    kernel.name = kernel.connectionFile = kernel.session = kernel.boot = QStringLiteral("k");
    kernel.pid = 7;
    QVERIFY(await(f.kernels.save(kernel)));
    const auto rebuilding = await(f.tasks.loseKernel(A, {draft(QStringLiteral("x"))}, {id}, Start));
    QVERIFY(rebuilding);
    QCOMPARE(has(), 0);
    // Where they are to run is known still.
    QCOMPARE(await(f.kernels.load())->first().name, kernel.name);
    auto left = await(f.tasks.loadUnfinished());
    QVERIFY(left);
    QCOMPARE(left->size(), 2);
    QCOMPARE(left->at(0), rebuilding->at(0));
    QCOMPARE(left->at(1), task->at(0));  // Its state will be as it was.

    QVERIFY(await(f.kernels.save(kernel)));
    TaskDraft bad = draft(QStringLiteral("x"));
    bad.notebookPath.clear();
    QVERIFY(!await(f.tasks.loseKernel(A, {bad}, {id}, Start)));
    QCOMPARE(has(), 1);
    QVERIFY(await(f.tasks.loseKernel(A, {}, {id}, Start)));
    QCOMPARE(has(), 0);
    QVERIFY(await(f.tasks.load(id))->task.stateLost);
    // Nothing waits for it.
    QVERIFY(await(f.tasks.loseKernel(A, {}, {}, Start)));
    QVERIFY(await(f.kernels.load())->isEmpty());
}

void TestQueueStore::aReplayIsLinked()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    TaskDraft asked = draft(QStringLiteral("1+1"));
    asked.cellIndex = 2;
    asked.cellId = QStringLiteral("c");
    asked.key = QStringLiteral("mine");
    const auto first = await(f.tasks.insert({asked}, Start));
    QVERIFY(first);
    const auto again = await(f.tasks.insert({replayOf(first->first())}, Start));
    QVERIFY(again);
    const auto detail = await(f.tasks.load(again->first().id));
    QVERIFY(detail);
    QCOMPARE(detail->task, again->first());
    QCOMPARE(detail->task.replayOf, first->first().id);
    QCOMPARE(detail->task.retries, 1);
    QCOMPARE(detail->task.code, asked.code);
    QVERIFY(detail->task.key.isEmpty());
}

QTEST_GUILESS_MAIN(TestQueueStore)
#include "tst_queuestore.moc"
