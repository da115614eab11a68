#include <QTemporaryDir>
#include <QtTest>

#include "support/await.h"
#include "taskstorefixture.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::test;

class TestTaskStore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aTasksWayIsReadBack();
    void aReopenedDatabaseHasEverything();
    void allOfASubmissionOrNothing();
    void keysAreIdempotent();
    void changesAreFenced_data();
    void changesAreFenced();
    void anEndTellsABeginningThatTheDiskHasRefused();
    void onlyPendingTasksAreFinishedInBulk();
    void limitsLeaveNoRow();
    void whereNothingWaitsThereIsRoomForANotebook();
    void pagesGoByKey();
    void statsCountStates();
    void idsGrowEvenIfTheClockDoesNot();
};

void TestTaskStore::aTasksWayIsReadBack()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.opened);
    TaskDraft asked = draft(QStringLiteral("x = 'ü\n€'"), 3);
    asked.cellId = QStringLiteral("abc");
    asked.kernelName = QStringLiteral("python3");
    asked.limit = Milliseconds(1500);
    asked.stopOnError = true;
    asked.writeBack = false;
    const auto inserted = await(f.store.insert({asked, asked}, Start));
    QVERIFY(inserted);
    QCOMPARE(inserted->size(), 2);
    const TaskRecord first = inserted->at(0);
    QVERIFY(first.id);
    QCOMPARE(first.batch, first.id);
    QCOMPARE(inserted->at(1).batch, first.id);
    auto read = await(f.store.load(inserted->at(1).id));
    QVERIFY(read);
    QCOMPARE(read->task, inserted->at(1));

    QVERIFY(await(f.store.markRunning(first.id, "m-1", Start + Milliseconds(20))));
    read = await(f.store.load(first.id));
    QVERIFY(read);
    QCOMPARE(read->task.state, TaskState::Running);
    QCOMPARE(read->task.messageId, QByteArray("m-1"));
    QCOMPARE(read->task.startedAt, std::optional(Start + Milliseconds(20)));

    TaskOutcome outcome;
    outcome.state = TaskState::Failed;
    outcome.executionCount = 7;
    outcome.outputs = "[{\"output_type\":\"stream\"}]";
    outcome.error = QStringLiteral("ValueError: x");
    outcome.finishedAt = Start + Milliseconds(120);
    outcome.payload = R"([{"source":"page"}])";
    QVERIFY(await(f.store.finish(first.id, outcome)));
    read = await(f.store.loadByName(toText(first.id)));
    QVERIFY(read);
    QCOMPARE(read->payload, outcome.payload);
    QCOMPARE(await(f.store.load(inserted->at(1).id))->payload, QByteArray("[]"));
    QCOMPARE(read->task.state, TaskState::Failed);
    QCOMPARE(read->task.finishedAt, std::optional(outcome.finishedAt));
    QCOMPARE(read->task.executionCount, std::optional<std::int64_t>(7));
    QCOMPARE(read->task.error, outcome.error);
    QCOMPARE(read->task.messageId, QByteArray());
    QCOMPARE(read->outputs, outcome.outputs);
}

void TestTaskStore::aReopenedDatabaseHasEverything()
{
    QTemporaryDir dir;
    TaskId id;
    {
        Fixture f(dir.path());
        const auto inserted = await(f.store.insert({draft(), draft(QStringLiteral("2"))}, Start));
        QVERIFY(inserted);
        id = inserted->at(0).id;
        QVERIFY(await(f.store.markRunning(id, "m", Start)));
    }
    Fixture again(dir.path());
    QVERIFY(again.opened);
    const auto left = await(again.store.loadUnfinished());
    QVERIFY(left);
    QCOMPARE(left->size(), 2);
    QCOMPARE(left->at(0).id, id);
    QCOMPARE(left->at(0).state, TaskState::Running);
    const auto stats = await(again.store.stats(Start));
    QVERIFY(stats);
    QCOMPARE(stats->pending, 1);
    QCOMPARE(stats->running, 1);
}

void TestTaskStore::allOfASubmissionOrNothing()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    TaskDraft nameless = draft();
    nameless.notebookPath.clear();
    const auto refused = await(f.store.insert({draft(), nameless}, Start));
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::InvalidArgument);
    QVERIFY(await(f.store.loadUnfinished())->isEmpty());
}

void TestTaskStore::keysAreIdempotent()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    TaskDraft keyed = draft();
    keyed.key = QStringLiteral("mine");
    const auto first = await(f.store.insert({keyed}, Start));
    const auto second = await(f.store.insert({keyed}, Start + Milliseconds(5)));
    QVERIFY(first);
    QVERIFY(second);
    QCOMPARE(second->at(0).id, first->at(0).id);
    QCOMPARE(await(f.store.loadUnfinished())->size(), 1);
    QCOMPARE(await(f.store.loadByName(QStringLiteral("mine")))->task.id, first->at(0).id);

    keyed.code = QStringLiteral("other");
    const auto conflict = await(f.store.insert({keyed}, Start));
    QVERIFY(!conflict);
    QCOMPARE(conflict.error().code, ErrorCode::Conflict);
    QVERIFY(conflict.error().message.contains(QStringLiteral("mine")));

    keyed.key = toText(first->at(0).id);
    QCOMPARE(await(f.store.insert({keyed}, Start)).error().code, ErrorCode::InvalidArgument);
}

void TestTaskStore::changesAreFenced_data()
{
    QTest::addColumn<QString>("script");
    QTest::addColumn<QString>("log");
    // r: mark running, b: put back, c: complete, x: cancel; + done, - stale
    QTest::newRow("the usual way") << "rc" << "r+ c+";
    QTest::newRow("cancelled before it ran") << "xr" << "x+ r-";
    QTest::newRow("twice running") << "rr" << "r+ r-";
    QTest::newRow("final stays") << "rcxcr" << "r+ c+ x- c- r-";
    QTest::newRow("complete from pending") << "cx" << "c+ x-";
    QTest::newRow("put back, it runs once more") << "brbbrc" << "b+ r+ b+ b+ r+ c+";
    QTest::newRow("final is not put back") << "rcb" << "r+ c+ b-";
}

void TestTaskStore::changesAreFenced()
{
    QFETCH(QString, script);
    QFETCH(QString, log);
    QTemporaryDir dir;
    Fixture f(dir.path());
    const TaskId id = await(f.store.insert({draft()}, Start))->at(0).id;
    QStringList seen;
    for (const QChar step : script) {
        TaskOutcome outcome;
        outcome.state = step == QLatin1Char('x') ? TaskState::Cancelled : TaskState::Completed;
        outcome.finishedAt = Start;
        const Result<> done = step == QLatin1Char('r') ? await(f.store.markRunning(id, "m", Start))
                              : step == QLatin1Char('b') ? await(f.store.putBack(id))
                                                         : await(f.store.finish(id, outcome));
        if (!done)
            QCOMPARE(done.error().code, ErrorCode::Stale);
        seen << step + QLatin1String(done ? "+" : "-");
    }
    QCOMPARE(seen.join(QLatin1Char(' ')), log);
}

void TestTaskStore::anEndTellsABeginningThatTheDiskHasRefused()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const auto tasks = await(f.store.insert({draft(), draft()}, Start));
    QVERIFY(tasks);
    QVERIFY(await(f.store.markRunning(tasks->at(1).id, "m", Start + Milliseconds(10))));
    TaskOutcome outcome;
    outcome.startedAt = Start + Milliseconds(30);
    outcome.finishedAt = Start + Milliseconds(100);
    for (const TaskRecord &task : *tasks)
        QVERIFY(await(f.store.finish(task.id, outcome)));
    const auto first = await(f.store.load(tasks->at(0).id));
    QVERIFY(first);
    QCOMPARE(first->task.startedAt, outcome.startedAt);
    QCOMPARE(first->task.finishedAt, std::optional(outcome.finishedAt));
    const auto second = await(f.store.load(tasks->at(1).id));
    QVERIFY(second);
    QCOMPARE(second->task.startedAt, std::optional(Start + Milliseconds(10)));
    QCOMPARE(second->task.finishedAt, std::optional(outcome.finishedAt));
}

void TestTaskStore::onlyPendingTasksAreFinishedInBulk()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const auto tasks = *await(f.store.insert({draft(), draft(), draft()}, Start));
    QVERIFY(await(f.store.markRunning(tasks[0].id, "m", Start)));
    TaskOutcome outcome;
    outcome.state = TaskState::Cancelled;
    outcome.finishedAt = Start;
    const auto changed =
        await(f.store.finishPending({tasks[0].id, tasks[1].id, tasks[2].id, TaskId(5)}, outcome));
    QVERIFY(changed);
    QCOMPARE(*changed, (QList<TaskId>{tasks[1].id, tasks[2].id}));
}

void TestTaskStore::limitsLeaveNoRow()
{
    QTemporaryDir dir;
    Fixture f(dir.path(), {.pendingInNotebook = 2, .pendingInAll = 3});
    TaskDraft other = draft();
    other.notebookPath = QStringLiteral("/n/b.ipynb");
    QVERIFY(await(f.store.insert({draft()}, Start)));
    const auto refused = await(f.store.insert({draft(), draft()}, Start));
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::QueueFull);
    QCOMPARE(await(f.store.stats(Start))->pending, 1);
    QVERIFY(await(f.store.insert({draft()}, Start)));
    QCOMPARE(await(f.store.insert({draft()}, Start)).error().code, ErrorCode::QueueFull);
    const auto inOther = await(f.store.insert({other}, Start));
    QVERIFY(inOther);
    QCOMPARE(await(f.store.insert({other}, Start)).error().code, ErrorCode::QueueFull);
    QCOMPARE(await(f.store.loadUnfinished())->size(), 3);
    // One that starts makes room.
    QVERIFY(await(f.store.markRunning(inOther->at(0).id, "m", Start)));
    QVERIFY(await(f.store.insert({other}, Start)));
}

/// Else a notebook of more cells than that could not be run.
void TestTaskStore::whereNothingWaitsThereIsRoomForANotebook()
{
    QTemporaryDir dir;
    Fixture f(dir.path(), {.pendingInNotebook = 2, .pendingInAll = 4});
    const auto tasks = await(f.store.insert({draft(), draft(), draft()}, Start));
    QVERIFY(tasks);
    QCOMPARE(await(f.store.insert({draft()}, Start)).error().code, ErrorCode::QueueFull);
    TaskOutcome outcome;
    outcome.state = TaskState::Cancelled;
    outcome.finishedAt = Start;
    QVERIFY(
        await(f.store.finishPending({tasks->at(0).id, tasks->at(1).id, tasks->at(2).id}, outcome)));
    const auto tooMany =
        await(f.store.insert({draft(), draft(), draft(), draft(), draft()}, Start));
    QCOMPARE(tooMany.error().code, ErrorCode::QueueFull);
    QVERIFY(await(f.store.insert({draft(), draft(), draft(), draft()}, Start)));
}

void TestTaskStore::pagesGoByKey()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QList<TaskDraft> drafts;
    for (int i = 0; i < 25; ++i)
        drafts << draft(QString::number(i), i);
    QVERIFY(await(f.store.insert(drafts, Start)));
    TaskFilter filter;
    filter.limit = 10;
    QStringList seen;
    for (;;) {
        const auto page = await(f.store.list(filter));
        QVERIFY(page);
        if (page->isEmpty())
            break;
        for (const TaskRecord &task : *page)
            seen << task.code;
        filter.before = page->last().id;
    }
    QCOMPARE(seen.size(), 25);
    QCOMPARE(seen.first(), QStringLiteral("24"));
    QCOMPARE(seen.last(), QStringLiteral("0"));
    filter = {};
    filter.states = {TaskState::Running};
    QVERIFY(await(f.store.list(filter))->isEmpty());
    filter = {};
    filter.since = Start + Milliseconds(1);
    QVERIFY(await(f.store.list(filter))->isEmpty());
}

void TestTaskStore::statsCountStates()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const auto tasks = *await(f.store.insert({draft(), draft(), draft()}, Start));
    TaskOutcome outcome;
    outcome.finishedAt = Start;
    outcome.state = TaskState::TimedOut;
    QVERIFY(await(f.store.finish(tasks[0].id, outcome)));
    QVERIFY(await(f.store.markRunning(tasks[1].id, "m", Start)));
    const auto stats = await(f.store.stats(Start));
    QVERIFY(stats);
    QCOMPARE(stats->pending, 1);
    QCOMPARE(stats->running, 1);
    QCOMPARE(stats->timedOut, 1);
    QVERIFY(stats->walBytes > 0);
}

void TestTaskStore::idsGrowEvenIfTheClockDoesNot()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const TaskId first = await(f.store.insert({draft()}, Start))->at(0).id;
    const TaskId second = await(f.store.insert({draft()}, Start - std::chrono::hours(1)))->at(0).id;
    QVERIFY(second > first);
}

QTEST_GUILESS_MAIN(TestTaskStore)
#include "tst_taskstore.moc"
