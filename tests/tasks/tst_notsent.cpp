#include <QTemporaryDir>
#include <QtTest>

#include "queuefixture.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::tasks;
using celldeck::test::await;
using celldeck::test::draft;
using Fixture = celldeck::test::QueueFixture;

namespace {

/// While one lives, nothing comes to the disk.
struct SlowDisk
{
    explicit SlowDisk(TaskStore &store) : hold(store.together()) {}
    ConnectionThread::Hold hold;
};

}  // namespace

/// Tasks that are on their way to their kernel, and must not come to it.
class TestNotSent : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_notebook = m_dir->filePath(QStringLiteral("a.ipynb"));
    }

    void whatIsAboutToBeginCanStillBeStopped_data();
    void whatIsAboutToBeginCanStillBeStopped();
    void whatWasToRunNextIsNotSentToAKernelThatGoes_data();
    void whatWasToRunNextIsNotSentToAKernelThatGoes();
    void whatBeginsIsNotSentToAKernelThatGoes_data();
    void whatBeginsIsNotSentToAKernelThatGoes();

private:
    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_notebook;
};

void TestNotSent::whatIsAboutToBeginCanStillBeStopped_data()
{
    QTest::addColumn<QString>("how");
    QTest::addColumn<TaskState>("state");
    QTest::newRow("cancel") << QStringLiteral("cancel") << TaskState::Cancelled;
    QTest::newRow("stop the kernel") << QStringLiteral("kernel") << TaskState::Cancelled;
    QTest::newRow("stop the engine") << QStringLiteral("engine") << TaskState::Interrupted;
}

void TestNotSent::whatIsAboutToBeginCanStillBeStopped()
{
    QFETCH(const QString, how);
    Fixture f(m_dir->path());
    const QString mark = m_dir->filePath(QStringLiteral("mark"));
    // So long that what was announced behind it is taken back: behind a short one it has left.
    const auto tasks = await(
        f.queue.submit({draft(m_notebook, QStringLiteral("import time; time.sleep(0.3)")),
                        draft(m_notebook, QStringLiteral("open('%1', 'w').close()").arg(mark))}));
    QVERIFY(tasks);
    const TaskId first = tasks->first().id;
    const TaskId second = tasks->last().id;
    Waiter<> asked;
    // The end of the first is told when the beginning of the second is on the disk, or on its way.
    connect(&f.queue, &TaskQueue::taskChanged, this, [&](const TaskRecord &task) {
        if (task.id == first && task.state == TaskState::Completed)
            asked = how == QLatin1String("cancel")   ? f.queue.cancel(second)
                    : how == QLatin1String("kernel") ? f.queue.stopKernel(m_notebook)
                                                     : f.queue.stop();
    });
    QVERIFY(await(f.queue.finished(first)));
    QVERIFY(await(asked));
    const auto ended = await(f.queue.finished(second));
    QVERIFY(ended);
    QTEST(ended->state, "state");
    QVERIFY(!ended->startedAt);
    const auto stored = await(f.store.load(second));
    QVERIFY(stored && !stored->task.startedAt);
    QVERIFY(!QFile::exists(mark));
    if (how != QLatin1String("engine"))
        QVERIFY(await(f.queue.stop()));
}

void TestNotSent::whatWasToRunNextIsNotSentToAKernelThatGoes_data()
{
    QTest::addColumn<bool>("hasGone");
    QTest::newRow("on disk while it goes") << false;
    QTest::newRow("on disk when it has gone") << true;
}

/// It was announced, and waits for the disk, when its kernel is exchanged.
void TestNotSent::whatWasToRunNextIsNotSentToAKernelThatGoes()
{
    QFETCH(const bool, hasGone);
    Fixture f(m_dir->path(), kernels::KernelLife::OutlivesEngine);
    QList<TaskDraft> drafts;
    for (int i = 0; i < 12; ++i)
        drafts << draft(m_notebook, QStringLiteral("import os; print(%1, os.getpid())").arg(i));
    // It takes its time to end.
    drafts.first().code +=
        QStringLiteral("; import atexit, time; _ = atexit.register(time.sleep, 1)");
    const auto tasks = await(f.queue.submit(drafts));
    QVERIFY(tasks);
    std::unique_ptr<SlowDisk> slow;
    connect(&f.queue, &TaskQueue::taskChanged, this, [&](const TaskRecord &task) {
        if (task.id == tasks->at(2).id && task.state == TaskState::Running)
            slow = std::make_unique<SlowDisk>(f.store);
    });
    // What had been announced runs; the next one cannot be.
    TaskId next;
    const auto waitsForTheDisk = [&] {
        const SessionStatus status = f.queue.sessions().first();
        next = status.running ? status.running->id : TaskId();
        return next && status.running->state == TaskState::Pending &&
               status.kernelState == kernels::KernelState::Idle;
    };
    QTRY_VERIFY_WITH_TIMEOUT(slow && waitsForTheDisk(), 30'000);
    const Waiter<> exchanged = f.queue.find(m_notebook)->exchangeKernel({});
    if (hasGone)
        QTRY_VERIFY_WITH_TIMEOUT(!f.queue.kernel(m_notebook), 30'000);
    slow.reset();
    QVERIFY(await(exchanged));
    QStringList kernelsOf;
    for (const TaskRecord &task : *tasks) {
        const auto ended = await(f.queue.finished(task.id));
        QVERIFY(ended);
        QCOMPARE(ended->state, TaskState::Completed);
        QCOMPARE(ended->stateLost, task.id >= next);
        kernelsOf << QString::fromUtf8(await(f.store.load(task.id))->outputs).section(u' ', 1, 1);
    }
    const auto before =
        std::ranges::count_if(*tasks, [&](const TaskRecord &task) { return task.id < next; });
    QCOMPARE(kernelsOf.count(kernelsOf.first()), before);
    QCOMPARE(kernelsOf.count(kernelsOf.last()), tasks->size() - before);
    QVERIFY(await(f.queue.stop()));
}

void TestNotSent::whatBeginsIsNotSentToAKernelThatGoes_data()
{
    QTest::addColumn<bool>("hasGone");
    QTest::addColumn<QString>("meanwhile");
    QTest::newRow("on disk while it goes") << false << "";
    QTest::newRow("on disk when it has gone") << true << "";
    QTest::newRow("cancelled meanwhile") << true << "cancel";
    QTest::newRow("the kernel is stopped meanwhile") << false << "stop";
}

/// It waits for the disk to be marked as running when its kernel is exchanged.
void TestNotSent::whatBeginsIsNotSentToAKernelThatGoes()
{
    QFETCH(const bool, hasGone);
    QFETCH(const QString, meanwhile);
    const bool isCancelled = !meanwhile.isEmpty();
    Fixture f(m_dir->path(), kernels::KernelLife::OutlivesEngine);
    const QString code = QStringLiteral("import os; print('on', os.getpid())");
    const auto first = await(f.queue.submit(
        {draft(m_notebook,
               code + QStringLiteral("; import atexit, time; atexit.register(time.sleep, 1)"))}));
    QVERIFY(first && await(f.queue.finished(first->first().id)));
    QVERIFY(await(f.queue.setFlow(m_notebook, Flow::Paused)));
    const auto second = await(f.queue.submit({draft(m_notebook, code)}));
    QVERIFY(second);
    const TaskId id = second->first().id;

    auto slow = std::make_unique<SlowDisk>(f.store);
    Session *session = f.queue.find(m_notebook);
    session->setFlow(Flow::Runs);
    QTRY_VERIFY(session->status().running);
    QCOMPARE(session->status().running->state, TaskState::Pending);
    const Waiter<> exchanged = session->exchangeKernel({});
    if (hasGone)
        QTRY_VERIFY_WITH_TIMEOUT(!f.queue.kernel(m_notebook), 30'000);
    Waiter<> cancelled = Waiter<>::resolved({});
    if (meanwhile == QLatin1String("cancel"))
        cancelled = f.queue.cancel(id);
    if (meanwhile == QLatin1String("stop")) {
        // When it is on its way back, and the disk slow again.
        connect(&f.queue, &TaskQueue::taskChanged, this, [&](const TaskRecord &task) {
            if (task.id != id || task.state != TaskState::Running)
                return;
            slow = std::make_unique<SlowDisk>(f.store);
            QMetaObject::invokeMethod(
                this,
                [&] {
                    cancelled = f.queue.stopKernel(m_notebook);
                    slow.reset();
                },
                Qt::QueuedConnection);
        });
    }
    slow.reset();
    const auto ended = await(f.queue.finished(id));
    QVERIFY(ended);
    QVERIFY(await(exchanged) || meanwhile == QLatin1String("stop"));
    QVERIFY(await(cancelled));
    QCOMPARE(ended->state, isCancelled ? TaskState::Cancelled : TaskState::Completed);
    const auto detail = await(f.store.load(id));
    QVERIFY(detail);
    QCOMPARE(detail->task.state, ended->state);
    QCOMPARE(detail->outputs.contains("on "), !isCancelled);
    if (!isCancelled) {
        QVERIFY(ended->stateLost);
        QVERIFY(detail->task.stateLost);
        QVERIFY(detail->outputs != await(f.store.load(first->first().id))->outputs);
    }
    QVERIFY(await(f.queue.stop()));
}

QTEST_GUILESS_MAIN(TestNotSent)
#include "tst_notsent.moc"
