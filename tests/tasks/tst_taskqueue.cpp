#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "notebooks/notebookfile.h"
#include "queuefixture.h"
#include "support/await.h"
#include "tasks/notebookdrafts.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::tasks;
using celldeck::test::await;
using celldeck::test::draft;
using Fixture = celldeck::test::QueueFixture;

/// The queue with a real kernel and a real database.
class TestTaskQueue : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_notebook = m_dir->filePath(QStringLiteral("a.ipynb"));
    }

    void tasksRunInOrderAndAreRecordedBeforeTheyAreTold();
    void aFailureCancelsTheRestOfItsBatchOnly();
    void anUnknownKernelFailsTheTask();
    void aPendingTaskIsCancelled();
    void aRunningTaskIsCancelled();
    void aLimitEndsACell();
    void aQuestionWakesWhoWaitsAndEndsUnanswered();
    void aDeadKernelFailsItsTaskAndTheNextGetsANewOne();
    void stoppingKeepsWhatIsPending_data();
    void stoppingKeepsWhatIsPending();
    void aQueueThatIsDroppedBlamesNoCell();
    void outputsReachTheNotebook();
    void aLaterCellShowsADisplayAnew();

private:
    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_notebook;
};

void TestTaskQueue::tasksRunInOrderAndAreRecordedBeforeTheyAreTold()
{
    Fixture f(m_dir->path());
    QVERIFY(f.opened);
    const auto tasks = await(f.queue.submit(
        {draft(m_notebook, QStringLiteral("x = 20")), draft(m_notebook, QStringLiteral("x + 1"))}));
    QVERIFY(tasks);
    const auto ended = await(f.queue.finished(tasks->at(1).id));
    QVERIFY(ended);
    QCOMPARE(ended->state, TaskState::Completed);
    QCOMPARE(ended->executionCount, std::optional<std::int64_t>(2));
    const auto detail = await(f.store.load(ended->id));
    QVERIFY(detail);
    QCOMPARE(detail->task.state, TaskState::Completed);
    QVERIFY(detail->outputs.contains("21"));
    QCOMPARE(f.log.join(QLatin1Char(',')),
             QStringLiteral("x = 20 pending,x + 1 pending,x = 20 running,x = 20 completed,"
                            "x + 1 running,x + 1 completed"));
    // Who asks after the end is told too.
    QCOMPARE(await(f.queue.finished(ended->id))->state, TaskState::Completed);
    QCOMPARE(await(f.queue.finished(TaskId(1))).error().code, ErrorCode::NotFound);
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::aFailureCancelsTheRestOfItsBatchOnly()
{
    Fixture f(m_dir->path());
    TaskDraft bad = draft(m_notebook, QStringLiteral("1/0"));
    bad.stopOnError = true;
    const auto first = await(f.queue.submit({bad, draft(m_notebook, QStringLiteral("2"))}));
    const auto other = await(f.queue.submit({draft(m_notebook, QStringLiteral("3"))}));
    QVERIFY(first && other);
    QCOMPARE(await(f.queue.finished(other->at(0).id))->state, TaskState::Completed);
    const auto failed = await(f.store.load(first->at(0).id));
    QCOMPARE(failed->task.state, TaskState::Failed);
    QCOMPARE(failed->task.error, QStringLiteral("ZeroDivisionError: division by zero"));
    QCOMPARE(await(f.store.load(first->at(1).id))->task.state, TaskState::Cancelled);
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::anUnknownKernelFailsTheTask()
{
    Fixture f(m_dir->path());
    TaskDraft asked = draft(m_notebook, QStringLiteral("1"));
    asked.kernelName = QStringLiteral("nonesuch");
    const auto tasks = await(f.queue.submit({asked, asked}));
    const auto ended = await(f.queue.finished(tasks->at(1).id));
    QVERIFY(ended);
    QCOMPARE(ended->state, TaskState::Cancelled);
    const auto first = await(f.queue.finished(tasks->at(0).id));
    QCOMPARE(first->state, TaskState::Failed);
    QVERIFY2(first->error.contains(QStringLiteral("nonesuch")), qPrintable(first->error));
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::aPendingTaskIsCancelled()
{
    Fixture f(m_dir->path());
    const auto tasks = await(f.queue.submit(
        {draft(m_notebook, QStringLiteral("1")), draft(m_notebook, QStringLiteral("2"))}));
    QVERIFY(await(f.queue.cancel(tasks->at(1).id)));
    QCOMPARE(await(f.queue.finished(tasks->at(1).id))->state, TaskState::Cancelled);
    QCOMPARE(await(f.queue.finished(tasks->at(0).id))->state, TaskState::Completed);
    QCOMPARE(await(f.queue.cancel(tasks->at(0).id)).error().code, ErrorCode::NotFound);
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::aRunningTaskIsCancelled()
{
    Fixture f(m_dir->path());
    const auto tasks = await(f.queue.submit({draft(
        m_notebook, QStringLiteral("print('on', flush=True)\nimport time; time.sleep(600)"))}));
    QSignalSpy outputs(&f.queue, &TaskQueue::outputsChanged);
    QTRY_VERIFY_WITH_TIMEOUT(!outputs.isEmpty(), 30'000);
    QVERIFY(f.queue.liveOutputs(m_notebook, tasks->at(0).id).size() == 1);
    QVERIFY(await(f.queue.cancel(tasks->at(0).id)));
    const auto detail = await(f.store.load(tasks->at(0).id));
    QCOMPARE(detail->task.state, TaskState::Cancelled);
    QVERIFY(detail->outputs.contains("on"));
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::aLimitEndsACell()
{
    Fixture f(m_dir->path());
    TaskDraft slow = draft(m_notebook, QStringLiteral("import time; time.sleep(600)"));
    slow.limit = Milliseconds(200);
    // And one that does not listen: its kernel goes with it.
    TaskDraft deaf =
        draft(m_notebook, QStringLiteral("import signal; signal.signal(signal.SIGINT, "
                                         "signal.SIG_IGN); import time; time.sleep(600)"));
    deaf.limit = Milliseconds(200);
    const auto tasks = await(f.queue.submit({slow, deaf}));
    QCOMPARE(await(f.queue.finished(tasks->at(0).id))->state, TaskState::TimedOut);
    QCOMPARE(await(f.queue.finished(tasks->at(1).id))->state, TaskState::TimedOut);
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::aQuestionWakesWhoWaitsAndEndsUnanswered()
{
    Fixture f(m_dir->path());
    const auto tasks = await(f.queue.submit({draft(m_notebook, QStringLiteral("input('?')"))}));
    const TaskId id = tasks->at(0).id;
    QVERIFY(await(f.queue.finishedOrAsking(id)));
    Session *session = f.queue.find(m_notebook);
    QVERIFY(session && session->input(id));
    QCOMPARE(session->input(id)->prompt, QStringLiteral("?"));
    QVERIFY(!session->input(TaskId(1)));
    const auto ended = await(f.queue.finished(id));
    QCOMPARE(ended->state, TaskState::Interrupted);
    QVERIFY2(ended->error.contains(QStringLiteral("nobody answered")), qPrintable(ended->error));
    QVERIFY(!session->input(id));
    QVERIFY(await(f.queue.finishedOrAsking(id)));
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::aDeadKernelFailsItsTaskAndTheNextGetsANewOne()
{
    Fixture f(m_dir->path());
    const auto first =
        await(f.queue.submit({draft(m_notebook, QStringLiteral("import os; os._exit(3)"))}));
    const auto second = await(f.queue.submit({draft(m_notebook, QStringLiteral("1"))}));
    const auto dead = await(f.queue.finished(first->at(0).id));
    QCOMPARE(dead->state, TaskState::Failed);
    QVERIFY2(dead->error.contains(QStringLiteral("exit code 3")), qPrintable(dead->error));
    QCOMPARE(await(f.queue.finished(second->at(0).id))->state, TaskState::Completed);
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::stoppingKeepsWhatIsPending_data()
{
    QTest::addColumn<bool>("stopOnError");
    QTest::newRow("cell by cell") << false;
    QTest::newRow("a run that stops at its first error") << true;
}

void TestTaskQueue::stoppingKeepsWhatIsPending()
{
    QFETCH(const bool, stopOnError);
    TaskId running;
    TaskId pending;
    {
        Fixture f(m_dir->path(), kernels::KernelLife::OutlivesEngine);
        TaskDraft first = draft(
            m_notebook, QStringLiteral("print('on', flush=True)\nimport time; time.sleep(600)"));
        first.stopOnError = stopOnError;
        const auto tasks =
            await(f.queue.submit({first, draft(m_notebook, QStringLiteral("40 + 2"))}));
        running = tasks->at(0).id;
        pending = tasks->at(1).id;
        QSignalSpy outputs(&f.queue, &TaskQueue::outputsChanged);
        QTRY_VERIFY_WITH_TIMEOUT(!outputs.isEmpty(), 30'000);
        QVERIFY(await(f.queue.stop()));
        QCOMPARE(await(f.store.load(running))->task.state, TaskState::Interrupted);
        QCOMPARE(await(f.store.load(pending))->task.state, TaskState::Pending);
        QVERIFY(!await(f.queue.submit({draft(m_notebook, QStringLiteral("1"))})));
    }
    Fixture again(m_dir->path());
    QVERIFY(await(again.queue.recover(Recovery::Run)));
    const auto ended = await(again.queue.finished(pending));
    QCOMPARE(ended->state, TaskState::Completed);
    // The kernel that it was submitted for ended with the engine.
    QVERIFY(ended->stateLost);
    QVERIFY(await(again.store.load(pending))->outputs.contains("42"));
    QVERIFY(await(again.queue.stop()));
}

void TestTaskQueue::aQueueThatIsDroppedBlamesNoCell()
{
    TaskId id;
    {
        Fixture f(m_dir->path());
        const auto tasks = await(
            f.queue.submit({draft(m_notebook, QStringLiteral("import time\ntime.sleep(600)"))}));
        QVERIFY(tasks);
        id = tasks->at(0).id;
        QVERIFY(await(f.queue.begun(id)));
    }
    Fixture f(m_dir->path());
    QCOMPARE(await(f.store.load(id))->task.state, TaskState::Running);
    QVERIFY(await(f.queue.recover(Recovery::Run)));
    QCOMPARE(await(f.store.load(id))->task.state, TaskState::Interrupted);
    QVERIFY(await(f.queue.stop()));
}

void TestTaskQueue::outputsReachTheNotebook()
{
    QVERIFY(QFile::copy(QStringLiteral(SAMPLES "/run/HelloWorld.ipynb"), m_notebook));
    Fixture f(m_dir->path());
    const auto notebook = notebooks::loadNotebook(m_notebook);
    QVERIFY(notebook);
    DraftOptions options;
    options.kernelName = QStringLiteral("python3");
    const auto tasks = await(f.queue.submit(draftsOf(*notebook, m_notebook, options)));
    QVERIFY(tasks);
    QVERIFY(await(f.queue.finished(tasks->last().id)));
    QVERIFY(await(f.queue.stop()));
    QFile file(m_notebook);
    QVERIFY(file.open(QIODevice::ReadOnly));
    QVERIFY(file.readAll().contains("\"Hello World\\n\""));
}

void TestTaskQueue::aLaterCellShowsADisplayAnew()
{
    Fixture f(m_dir->path());
    const auto tasks = await(
        f.queue.submit({draft(m_notebook, QStringLiteral("h = display('before', display_id=True)")),
                        draft(m_notebook, QStringLiteral("h.update('after')"))}));
    QVERIFY(await(f.queue.finished(tasks->at(1).id)));
    QTRY_VERIFY(await(f.store.load(tasks->at(0).id))->outputs.contains("after"));
    QVERIFY(await(f.queue.stop()));
}

QTEST_GUILESS_MAIN(TestTaskQueue)
#include "tst_taskqueue.moc"
