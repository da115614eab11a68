#include <QDir>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QtTest>
#include <csignal>

#include "kernelfixture.h"

using namespace celldeck;
using namespace celldeck::kernels;
using namespace celldeck::test;

/// Against a real ipykernel.
class TestKernel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_pool.emplace();
    }

    void cellsGiveTheirOutputs_data();
    void cellsGiveTheirOutputs();
    void aStormOfOutputIsWhole();
    void anInterruptEndsACell();
    void aDeathIsNoticedAtOnceWithWhatWasPrinted();
    void whoCannotStartSaysWhy_data();
    void whoCannotStartSaysWhy();
    void whatAThreadPrintsAfterItsCellIsNobodyElses();
    void whoAnswersLateIsHeard();
    void whoDoesNotAnswerIsDescribed();
    void aStoppedKernelIsNoticed();
    void shutdownLeavesNothing();
    void deletedWhileItRuns();

private:
    KernelOptions options() const
    {
        return {.workingDirectory = m_dir->path(),
                .runtimeDirectory = m_dir->filePath(QStringLiteral("rt"))};
    }
    std::unique_ptr<QTemporaryDir> m_dir;
    std::optional<KernelPool> m_pool;
};

void TestKernel::cellsGiveTheirOutputs_data()
{
    QTest::addColumn<QString>("code");
    QTest::addColumn<QByteArray>("outputs");
    QTest::newRow("nothing") << "pass" << QByteArray("[]");
    QTest::newRow("print") << "print(1); print('ü')"
                           << QByteArray(
                                  R"([{"name":"stdout","output_type":"stream","text":"1\nü\n"}])");
    QTest::newRow("result") << "1+1"
                            << QByteArray(R"([{"data":{"text/plain":"2"},"execution_count":1,)"
                                          R"("metadata":{},"output_type":"execute_result"}])");
    QTest::newRow("display")
        << "from IPython.display import display, JSON\nd = display(1, display_id='a')\n"
           "print(2)\nd.update(3)"
        << QByteArray(R"([{"data":{"text/plain":"3"},"metadata":{},"output_type":"display_data"},)"
                      R"({"name":"stdout","output_type":"stream","text":"2\n"}])");
    QTest::newRow("clear with wait")
        << "from IPython.display import clear_output\nprint(1)\nclear_output(wait=True)\nprint(2)"
        << QByteArray(R"([{"name":"stdout","output_type":"stream","text":"2\n"}])");
}

void TestKernel::cellsGiveTheirOutputs()
{
    QFETCH(QString, code);
    QFETCH(QByteArray, outputs);
    Kernel kernel(python(), options(), *m_pool);
    const Result<> started = await(kernel.start());
    QVERIFY2(started, started ? "" : qPrintable(started.error().message));
    QCOMPARE(kernel.state(), KernelState::Idle);
    const auto execution = run(kernel, code);
    QVERIFY(execution);
    QCOMPARE(execution->status, Execution::Status::Ok);
    QCOMPARE(execution->executionCount, std::optional<std::int64_t>(1));
    QCOMPARE(toBytes(*execution->outputs), outputs);
    const auto bad = run(kernel, QStringLiteral("1/0"));
    QVERIFY(bad);
    QCOMPARE(bad->status, Execution::Status::Error);
    QCOMPARE(bad->errorName, QStringLiteral("ZeroDivisionError"));
    QCOMPARE(textOf(bad->outputs->at(0), "output_type"), QStringLiteral("error"));
}

void TestKernel::aStormOfOutputIsWhole()
{
    Kernel kernel(python(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const auto execution =
        run(kernel, QStringLiteral("for i in range(5000): print(i, flush=True)"));
    QVERIFY(execution);
    QCOMPARE(execution->outputs->size(), 1U);
    const QString text = textOf(execution->outputs->at(0), "text");
    QCOMPARE(text.count(QLatin1Char('\n')), 5000);
    QVERIFY(text.endsWith(QStringLiteral("4998\n4999\n")));
}

void TestKernel::anInterruptEndsACell()
{
    Kernel kernel(python(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    Kernel *running = &kernel;
    // The interrupt goes out once the cell has shown that it runs.
    const auto execution = await(
        kernel.execute(kernel.newMessageId(),
                       QStringLiteral("import time\nprint('on', flush=True)\ntime.sleep(600)"), {},
                       [running](const Json &) { running->interrupt(); }));
    QVERIFY(execution);
    QCOMPARE(execution->errorName, QStringLiteral("KeyboardInterrupt"));
    QVERIFY(run(kernel, QStringLiteral("pass")));
}

void TestKernel::aDeathIsNoticedAtOnceWithWhatWasPrinted()
{
    Kernel kernel(python(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    QSignalSpy died(&kernel, &Kernel::died);
    const auto execution =
        run(kernel, QStringLiteral("import os, sys, time\nprint('last', flush=True)\n"
                                   "time.sleep(0.3)\nos._exit(7)"));
    QVERIFY(!execution);
    QCOMPARE(execution.error().code, ErrorCode::KernelDied);
    QVERIFY2(execution.error().message.contains(QStringLiteral("exit code 7")),
             qPrintable(execution.error().message));
    QCOMPARE(textOf(kernel.lastOutputs().at(0), "text"), QStringLiteral("last\n"));
    QCOMPARE(died.count(), 1);
    QCOMPARE(kernel.state(), KernelState::Dead);
    QVERIFY(!run(kernel, QStringLiteral("pass")));
}

void TestKernel::whoCannotStartSaysWhy_data()
{
    QTest::addColumn<QString>("program");
    QTest::addColumn<QString>("script");
    QTest::addColumn<QString>("says");
    QTest::newRow("no program") << "/no/such/program" << "" << "/no/such/program";
    QTest::newRow("ends at once") << "/bin/sh" << "echo no module named x >&2; exit 3"
                                  << "no module named x";
    QTest::newRow("killed") << "/bin/sh" << "kill -9 $$" << "signal 9";
}

void TestKernel::whoCannotStartSaysWhy()
{
    QFETCH(QString, program);
    QFETCH(QString, script);
    QFETCH(QString, says);
    KernelSpec spec = shell(script);
    spec.argv[0] = program;
    Kernel kernel(spec, options(), *m_pool);
    const Result<> started = await(kernel.start());
    QVERIFY(!started);
    QCOMPARE(started.error().code, ErrorCode::NoKernel);
    QVERIFY2(started.error().message.contains(says), qPrintable(started.error().message));
}

/// "Orphans more than a second old are routed to the most recent other execution."
void TestKernel::whatAThreadPrintsAfterItsCellIsNobodyElses()
{
    Kernel kernel(python(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const QByteArray first = kernel.newMessageId();
    QVERIFY(await(kernel.execute(first,
                                 QStringLiteral("import threading\ngo = threading.Event()\n"
                                                "def late():\n    go.wait()\n    print('late')\n"
                                                "t = threading.Thread(target=late)\nt.start()"),
                                 {}, {})));
    const auto second = run(kernel, QStringLiteral("go.set(); t.join(); print('mine')"));
    QVERIFY(second);
    // ipykernel gives a thread's output the parent of the cell that runs; the scripted one below
    // shows what a kernel does that keeps the parent of the cell which began it.
    Kernel keeping(scripted(), options(), *m_pool);
    QVERIFY(await(keeping.start()));
    const QByteArray owner = keeping.newMessageId();
    QVERIFY(await(keeping.execute(owner, QStringLiteral("pass"), {}, {})));
    const auto other = run(keeping, QStringLiteral(R"([{"send": "stream", "parent": "before",
                                     "content": {"name": "stdout", "text": "late"}},
                                    {"reply": {}}, {"idle": 1}])"));
    QVERIFY(other);
    QVERIFY(other->outputs->empty());
    const auto kept = m_pool->orphans().read(QString(), owner);
    QVERIFY(kept);
    QCOMPARE(kept->size(), size_t(1));
    QCOMPARE(textOf(kept->front().message.content, "text"), QStringLiteral("late"));
}

void TestKernel::whoAnswersLateIsHeard()
{
    // Later than the next question comes: the answers are always to an old one.
    Kernel kernel(scripted(QStringLiteral("answer_after=600")), options(), *m_pool);
    const Result<> started = await(kernel.start());
    QVERIFY2(started, started ? "" : qPrintable(started.error().message));
}

void TestKernel::whoDoesNotAnswerIsDescribed()
{
    KernelOptions given = options();
    given.startLimit = Milliseconds(2'000);
    Kernel kernel(scripted(QStringLiteral("mute=iopub")), given, *m_pool);
    const Result<> started = await(kernel.start());
    QVERIFY(!started);
    QVERIFY2(started.error().message.contains(QStringLiteral("iopub channel is silent")),
             qPrintable(started.error().message));
}

void TestKernel::aStoppedKernelIsNoticed()
{
    KernelOptions given = options();
    given.heartbeatInterval = Milliseconds(50);
    Kernel kernel(python(), given, *m_pool);
    QVERIFY(await(kernel.start()));
    QSignalSpy changes(&kernel, &Kernel::respondingChanged);
    // A busy one answers: its heartbeat has a thread of its own.
    QVERIFY(run(kernel, QStringLiteral("import time\nt = time.time()\n"
                                       "while time.time() - t < 0.5: pass")));
    QCOMPARE(changes.size(), 0);
    ::kill(static_cast<pid_t>(kernel.pid()), SIGSTOP);
    QVERIFY(changes.wait(30'000));
    QCOMPARE(changes.last().first().toBool(), false);
    ::kill(static_cast<pid_t>(kernel.pid()), SIGCONT);
    QVERIFY(changes.wait(30'000));
    QCOMPARE(changes.last().first().toBool(), true);
    QCOMPARE(kernel.state(), KernelState::Idle);
}

void TestKernel::shutdownLeavesNothing()
{
    Kernel kernel(python(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const auto files = QDir(m_dir->filePath(QStringLiteral("rt")))
                           .entryInfoList({QStringLiteral("*.json")}, QDir::Files);
    QCOMPARE(files.size(), 1);
    QCOMPARE(int(files[0].permissions() & (QFile::ReadGroup | QFile::ReadOther)), 0);
    // A child of the cell's goes with the group.
    QVERIFY(
        run(kernel, QStringLiteral("import subprocess\np = subprocess.Popen(['sleep', '600'])")));
    const qint64 pid = kernel.pid();
    QSignalSpy died(&kernel, &Kernel::died);
    QVERIFY(await(kernel.shutdown()));
    QCOMPARE(died.count(), 0);
    QTRY_VERIFY(::kill(-static_cast<pid_t>(pid), 0) != 0);
}

void TestKernel::deletedWhileItRuns()
{
    auto kernel = std::make_unique<Kernel>(python(), options(), *m_pool);
    QVERIFY(await(kernel->start()));
    const qint64 pid = kernel->pid();
    Kernel *running = kernel.get();
    const auto execution =
        await(kernel->execute(kernel->newMessageId(),
                              QStringLiteral("print(1, flush=True)\nimport time\ntime.sleep(600)"),
                              {}, [&kernel](const Json &) { kernel.reset(); }));
    Q_UNUSED(running)
    QVERIFY(!execution);
    QCOMPARE(execution.error().code, ErrorCode::Cancelled);
    QTRY_VERIFY(::kill(static_cast<pid_t>(pid), 0) != 0);
    QVERIFY(QDir(m_dir->filePath(QStringLiteral("rt"))).isEmpty());
}

QTEST_GUILESS_MAIN(TestKernel)
#include "tst_kernel.moc"
