#include <QTemporaryDir>
#include <QtTest>
#include <optional>

#include "base/clock.h"
#include "storage/database.h"
#include "storage/stores.h"
#include "support/await.h"
#include "support/fulldisk.h"
#include "tasks/tasklog.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::tasks;
using celldeck::test::await;
using celldeck::test::FullDisk;

namespace {

QCoro::Task<> noteBegun(TaskLog *log, TaskRecord task, bool *isOver)
{
    co_await log->noteBegun(std::move(task));
    *isOver = true;
}

QCoro::Task<Result<bool>> putBack(TaskLog *log, TaskRecord task)
{
    co_return co_await log->putBack(std::move(task));
}

}  // namespace

/// With a real database on a disk that refuses for a while.
class TestTaskLog : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatWasPutBackDoesNotBegin_data();
    void whatWasPutBackDoesNotBegin();
};

void TestTaskLog::whatWasPutBackDoesNotBegin_data()
{
    QTest::addColumn<bool>("isRefused");
    QTest::newRow("its beginning is on disk") << false;
    QTest::newRow("its beginning is tried again") << true;
}

/// A task that was announced, begins, and is held back until its kernel is exchanged.
void TestTaskLog::whatWasPutBackDoesNotBegin()
{
    QFETCH(const bool, isRefused);
    const QTemporaryDir dir;
    const SystemClock clock;
    Database database(dir.filePath(QStringLiteral("state.db")));
    QVERIFY(database.open());
    Stores stores(database);
    TaskDraft draft;
    draft.notebookPath = dir.filePath(QStringLiteral("a.ipynb"));
    draft.code = QStringLiteral("pass");
    const auto submitted = await(stores.tasks.insert({draft}, clock.now()));
    QVERIFY(submitted);
    const TaskRecord pending = submitted->first();
    TaskRecord running = pending;
    running.state = TaskState::Running;
    running.messageId = "m";
    running.startedAt = clock.now();
    QVERIFY(await(stores.tasks.announce(pending.id, running.messageId)));

    TaskScope scope;
    TaskLog log(stores.tasks, clock, scope);
    bool isOver = false;
    {
        std::optional<FullDisk> full;
        if (isRefused)
            full.emplace();
        scope.start(noteBegun(&log, running, &isOver));
        if (isRefused)  // What comes behind it is refused too.
            QVERIFY(!await(stores.tasks.announce(pending.id, "x")));
    }
    const auto isPending = await(putBack(&log, pending));
    QVERIFY(isPending && *isPending);
    QTRY_VERIFY(isOver);
    const auto stored = await(stores.tasks.load(pending.id));
    QVERIFY(stored);
    QCOMPARE(stored->task.state, TaskState::Pending);
    QCOMPARE(stored->task.messageId, QByteArray());
    // And it begins anew.
    QVERIFY(await(stores.tasks.markRunning(pending.id, "n", clock.now())));
}

QTEST_GUILESS_MAIN(TestTaskLog)
#include "tst_tasklog.moc"
