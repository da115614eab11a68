#include <QTest>
#include <QThread>
#include <algorithm>
#include <atomic>
#include <latch>

#include "async/background.h"
#include "async/workers.h"
#include "support/await.h"

using namespace celldeck;

class TestWorkers : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void oneWorkerKeepsTheOrder();
    void asManyRunAtOnceAsThereAre();
    void neverMoreThanThereAre();
    void finishLeavesNothing();
    void workIsTakenAfterwards();
    void whatWorkHoldsEndsWithIt();
    void aResultComesToTheThreadThatAsked();
};

void TestWorkers::oneWorkerKeepsTheOrder()
{
    std::vector<int> order;
    Workers workers(1);
    for (int i = 0; i < 100; ++i)
        workers.start([&order, i] { order.push_back(i); });
    workers.finish();
    QCOMPARE(order.size(), 100U);
    QVERIFY(std::ranges::is_sorted(order));
}

void TestWorkers::asManyRunAtOnceAsThereAre()
{
    // Twice, since the threads are there already at the second time. Each waits for the others.
    Workers workers(3);
    for (int round = 0; round < 2; ++round) {
        std::latch together(4);
        std::latch done(4);
        for (int i = 0; i < 3; ++i) {
            workers.start([&together, &done] {
                together.arrive_and_wait();
                done.count_down();
            });
        }
        together.arrive_and_wait();
        done.arrive_and_wait();
    }
}

void TestWorkers::neverMoreThanThereAre()
{
    std::atomic<int> running = 0;
    std::atomic<int> most = 0;
    Workers workers(2);
    for (int i = 0; i < 200; ++i) {
        workers.start([&running, &most] {
            const int now = ++running;
            for (int known = most; known < now && !most.compare_exchange_weak(known, now);) {
            }
            std::this_thread::yield();
            --running;
        });
    }
    workers.finish();
    QCOMPARE_LE(most.load(), 2);
}

void TestWorkers::finishLeavesNothing()
{
    std::atomic<int> done = 0;
    {
        Workers workers(2);
        for (int i = 0; i < 50; ++i) {
            workers.start([&workers, &done] {
                workers.start([&done] { ++done; });
                ++done;
            });
        }
    }
    QCOMPARE(done.load(), 100);
}

void TestWorkers::workIsTakenAfterwards()
{
    int done = 0;
    Workers workers(2);
    for (int i = 1; i <= 3; ++i) {
        workers.start([&done] { ++done; });
        workers.finish();
        QCOMPARE(done, i);
    }
    workers.finish();
}

void TestWorkers::whatWorkHoldsEndsWithIt()
{
    Workers workers(1);
    std::latch gone(1);
    std::shared_ptr<void> held(nullptr, [&gone](void *) { gone.count_down(); });
    workers.start([held] { Q_UNUSED(held) });
    held.reset();
    gone.wait();  // though the worker waits for more
}

void TestWorkers::aResultComesToTheThreadThatAsked()
{
    QThread *const here = QThread::currentThread();
    QThread *there = nullptr;
    const auto asking = inBackground<int>([&there]() -> Result<int> {
        there = QThread::currentThread();
        return 7;
    });
    const Result<int> got = test::await(asking);
    QCOMPARE(got.value_or(0), 7);
    QVERIFY(there != here);
    const auto failing =
        inBackground<int>([]() -> Result<int> { return fail(ErrorCode::NotFound, {}); });
    QCOMPARE(test::await(failing).error().code, ErrorCode::NotFound);
}

QTEST_GUILESS_MAIN(TestWorkers)
#include "tst_workers.moc"
