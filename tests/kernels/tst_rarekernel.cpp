#include <QTemporaryDir>
#include <QtTest>
#include <csignal>

#include "kernelfixture.h"
#include "kernels/wiremessage.h"

using namespace celldeck;
using namespace celldeck::kernels;
using namespace celldeck::test;

/// Against a scripted kernel that does what real ones rarely do.
class TestRareKernel : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init()
    {
        m_dir = std::make_unique<QTemporaryDir>();
        m_pool.emplace();
    }

    void whatRealOnesRarelyDo_data();
    void whatRealOnesRarelyDo();
    void aBigMessageArrivesWhole();
    void whatComesBehindABigMessageStaysBehindIt();
    void aBigMessageBeforeTheEndIsKept();
    void aStoppedKernelKeepsItsBigMessages();
    void nothingComesFromAKernelThatGoes();
    void deathAtAnyByteKeepsWhatHadCome();
    void aFloodFromUnknownParentsTouchesNoCell();
    void aQuestionReachesUsHoweverLateStdinIs();
    void whereNobodyCanBeAskedTheCellIsTold();
    void whatIsInterruptedBeforeItLeavesNeverRuns();
    void whatWaitsToLeaveDoesNotLeaveForAKernelThatGoes();

private:
    KernelOptions options() const
    {
        return {.workingDirectory = m_dir->path(),
                .runtimeDirectory = m_dir->filePath(QStringLiteral("rt"))};
    }
    std::unique_ptr<QTemporaryDir> m_dir;
    std::optional<KernelPool> m_pool;
};

void TestRareKernel::whatRealOnesRarelyDo_data()
{
    QTest::addColumn<QString>("script");
    QTest::addColumn<QString>("text");
    QTest::addColumn<int>("orphans");
    const auto row = [](const char *name, const char *script, const char *text, int orphans) {
        QTest::newRow(name) << QStringLiteral("[%1]").arg(QLatin1String(script))
                            << QString::fromLatin1(text) << orphans;
    };
#define SAY(text, more) \
    R"({"send": "stream", "content": {"name": "stdout", "text": ")" text R"("})" more "}"
#define REPLY R"({"reply": {}})"
#define IDLE R"({"idle": 1})"
    row("reply before the output and idle", REPLY "," SAY("a", "") "," IDLE, "a", 0);
    row("idle before the reply", SAY("a", "") "," IDLE R"(,{"sleep": 50},)" REPLY, "a", 0);
    row("output behind idle, before the reply",
        IDLE R"(,{"sleep": 50},)" SAY("late", "") R"(,{"sleep": 50},)" REPLY, "late", 0);
    row("the very same bytes twice", SAY("once", R"(, "copies": 3)") "," REPLY "," IDLE, "once", 0);
    row("the same text twice", SAY("x", R"(, "count": 3)") "," REPLY "," IDLE, "xxx", 0);
    row("wrong signature", SAY("no", R"(, "forge": "signature")") "," REPLY "," IDLE, "", 0);
    row("another key", SAY("no", R"(, "forge": "key")") "," REPLY "," IDLE, "", 0);
    row("changed behind the signature", SAY("no", R"(, "forge": "content")") "," REPLY "," IDLE, "",
        0);
    row("frames are missing", SAY("no", R"(, "forge": "short")") "," REPLY "," IDLE, "", 0);
    row("no delimiter", SAY("no", R"(, "forge": "plain")") "," REPLY "," IDLE, "", 0);
    row("split over frames", SAY("a", R"(, "buffers": 200)") "," REPLY "," IDLE, "a", 0);
    row("another's output", SAY("no", R"(, "parent": "somebody")") "," REPLY "," IDLE, "", 1);
    row("no parent", SAY("no", R"(, "parent": "none")") "," REPLY "," IDLE, "", 1);
    row("forged replies end nothing",
        R"({"send": "execute_reply", "on": "shell", "forge": "key"},)"
        R"({"send": "status", "content": {"execution_state": "idle"}, "forge": "key"},)" SAY(
            "a", "") "," REPLY "," IDLE,
        "a", 0);
    row("twice replied, twice idle",
        REPLY "," REPLY R"(,{"sleep": 50},)" SAY("a", "") "," IDLE "," IDLE, "a", 1);
#undef IDLE
#undef REPLY
#undef SAY
}

void TestRareKernel::whatRealOnesRarelyDo()
{
    QFETCH(QString, script);
    QFETCH(QString, text);
    QFETCH(int, orphans);
    Kernel kernel(scripted(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const qsizetype before = m_pool->orphans().messages();
    const auto execution = run(kernel, script);
    QVERIFY(execution);
    QCOMPARE(execution->status, Execution::Status::Ok);
    QCOMPARE(execution->outputs->size(), size_t(text.isEmpty() ? 0 : 1));
    if (!text.isEmpty())
        QCOMPARE(textOf(execution->outputs->at(0), "text"), text);
    // Behind the next cell everything of this one has come.
    QVERIFY(run(kernel, QStringLiteral("pass")));
    QCOMPARE(m_pool->orphans().messages() - before, orphans);
}

void TestRareKernel::aBigMessageArrivesWhole()
{
    Kernel kernel(scripted(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    // Without optimisation such a message takes a while to be read.
    const auto execution =
        await(kernel.execute(kernel.newMessageId(),
                             QStringLiteral(R"([{"send": "stream", "content": {"name": "stdout"},
                                                 "pad": 270000000}, {"reply": {}}, {"idle": 1}])"),
                             {}, {}),
              Milliseconds(240'000));
    QVERIFY(execution);
    // No limit is for what is printed.
    QVERIFY(qsizetype(270'000'000) > MaxMessageBytes);
    QCOMPARE(textOf(execution->outputs->at(0), "text").size(), 270'000'000);
}

void TestRareKernel::whatComesBehindABigMessageStaysBehindIt()
{
    Kernel kernel(scripted(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const auto execution =
        run(kernel, QStringLiteral(
                        R"([{"send": "stream", "content": {"name": "stdout", "text": "before"}},
                        {"send": "stream", "content": {"name": "stdout"}, "pad": 3000000, "count": 3},
                        {"send": "stream", "content": {"name": "stdout", "text": "after"}},
                        {"reply": {}}, {"idle": 1}])"));
    QVERIFY(execution);
    QCOMPARE(execution->outputs->size(), size_t(1));
    const QString text = textOf(execution->outputs->at(0), "text");
    QCOMPARE(text, QStringLiteral("before") + QString(9'000'000, u'x') + QStringLiteral("after"));
}

/// A big message is still being read when its kernel is gone.
void TestRareKernel::aBigMessageBeforeTheEndIsKept()
{
    Kernel kernel(scripted(QStringLiteral("proxy=1")), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const auto execution = run(kernel, QStringLiteral(R"([{"die_after_bytes": 32000000},
                                       {"send": "stream", "content": {"name": "stdout"},
                                        "pad": 10000000, "count": 4}, {"sleep": 60000}])"));
    QVERIFY(!execution);
    QCOMPARE(execution.error().code, ErrorCode::KernelDied);
    QCOMPARE(textOf(kernel.lastOutputs().at(0), "text").size(), 30'000'000);
}

/// What it has said before it is stopped is kept, also where it takes its time to be read.
void TestRareKernel::aStoppedKernelKeepsItsBigMessages()
{
    Kernel kernel(scripted(QStringLiteral("flush=1")), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const QString sent = m_dir->filePath(QStringLiteral("sent"));
    const auto executing = kernel.execute(
        kernel.newMessageId(),
        QStringLiteral(R"([{"send": "stream", "content": {"name": "stdout"}, "pad": 3000000,
                            "count": 30},
                           {"send": "stream", "content": {"name": "stdout", "text": "TAIL"}},
                           {"note": "%1", "text": "x"}, {"sleep": 60000}])")
            .arg(sent),
        {}, {});
    QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(sent), 60'000);
    QVERIFY(await(kernel.shutdown()));
    QCOMPARE(kernel.state(), KernelState::Dead);
    const QString text = textOf(kernel.lastOutputs().at(0), "text");
    QCOMPARE(text.size(), 90'000'004);
    QVERIFY(text.endsWith(QLatin1String("TAIL")));
}

void TestRareKernel::nothingComesFromAKernelThatGoes()
{
    auto kernel = std::make_unique<Kernel>(scripted(), options(), *m_pool);
    QVERIFY(await(kernel->start()));
    const QString sent = m_dir->filePath(QStringLiteral("sent"));
    const auto executing = kernel->execute(
        kernel->newMessageId(),
        QStringLiteral(R"([{"send": "stream", "content": {"name": "stdout"}, "pad": 30000000,
                            "count": 3}, {"note": "%1", "text": "x"}, {"die": "kill"}])")
            .arg(sent),
        {}, {});
    bool hasDied = false;
    bool isLate = false;
    connect(kernel.get(), &Kernel::died, this, [&] { hasDied = true; });
    QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(sent), 60'000);
    connect(kernel.get(), &Kernel::stateChanged, this, [&] { isLate = !hasDied; });
    const bool before = hasDied;
    kernel.reset();
    QCOMPARE(hasDied, before);
    QVERIFY(!isLate);
}

void TestRareKernel::deathAtAnyByteKeepsWhatHadCome()
{
    // A message is more than 1,000 bytes, so that of each so many bytes the first half had come
    // whole; and nothing more than was sent.
    for (const int bytes : {0, 1, 5'003, 60'001, 1'000'003}) {
        Kernel kernel(scripted(QStringLiteral("proxy=1")), options(), *m_pool);
        QVERIFY(await(kernel.start()));
        const auto execution = run(
            kernel, QStringLiteral(R"([{"die_after_bytes": %1}, {"send": "stream", "count": 2000,
                                            "content": {"name": "stdout"}, "pad": 1000},
                                           {"sleep": 60000}])")
                        .arg(bytes));
        QVERIFY(!execution);
        QCOMPARE(execution.error().code, ErrorCode::KernelDied);
        const Json outputs = kernel.lastOutputs();
        const qsizetype text = outputs.empty() ? 0 : textOf(outputs.at(0), "text").size();
        QCOMPARE(text % 1'000, 0);
        QVERIFY2(text <= bytes, qPrintable(QString::number(text)));
        QVERIFY2(text >= (bytes - 5'003) / 2, qPrintable(QString::number(text)));
    }
}

void TestRareKernel::aFloodFromUnknownParentsTouchesNoCell()
{
    Kernel kernel(scripted(), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const auto execution = run(
        kernel, QStringLiteral(R"([{"send": "stream", "content": {"name": "stdout", "text": "no"},
                                    "parent": "#", "count": 20000},
                                   {"send": "stream", "content": {"name": "stdout", "text": "a"}},
                                   {"reply": {}}, {"idle": 1}])"));
    QVERIFY(execution);
    QCOMPARE(textOf(execution->outputs->at(0), "text"), QStringLiteral("a"));
    QCOMPARE(m_pool->orphans().messages(), 1'024);
    QCOMPARE(m_pool->orphans().droppedInAll(), 20'000U - 1'024U);
}

namespace {

/// Runs a cell that asks, and answers what it is asked.
Result<Execution> runAsking(Kernel &kernel)
{
    QObject::connect(&kernel, &Kernel::inputRequested, &kernel,
                     [&kernel] { QVERIFY(kernel.answerInput(QStringLiteral("yes"))); });
    return await(kernel.execute(
        kernel.newMessageId(),
        QStringLiteral(R"([{"busy": 1}, {"input": {}}, {"reply": {}}, {"idle": 1}])"),
        {.allowStdin = true}, {}));
}

}  // namespace

void TestRareKernel::aQuestionReachesUsHoweverLateStdinIs()
{
    Kernel kernel(scripted(QStringLiteral("stdin=late")), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const auto execution = runAsking(kernel);
    QVERIFY(execution);
    QCOMPARE(textOf(execution->outputs->at(0), "text"), QStringLiteral("3 characters\n"));
}

void TestRareKernel::whereNobodyCanBeAskedTheCellIsTold()
{
    Kernel kernel(scripted(QStringLiteral("stdin=never")), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const auto execution = runAsking(kernel);
    QVERIFY(execution);
    QCOMPARE(textOf(execution->outputs->at(0), "text"), QStringLiteral("nobody"));
}

void TestRareKernel::whatIsInterruptedBeforeItLeavesNeverRuns()
{
    Kernel kernel(scripted(QStringLiteral("stdin=never")), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    const QString mark = m_dir->filePath(QStringLiteral("mark"));
    bool hasLeft = false;
    auto running = kernel.execute(
        kernel.newMessageId(),
        QStringLiteral(R"([{"note": "%1", "text": "ran"}, {"reply": {}}])").arg(mark),
        {.allowStdin = true}, {}, [&hasLeft] { hasLeft = true; });
    kernel.interrupt();
    const auto execution = await(std::move(running));
    QVERIFY(!execution);
    QCOMPARE(execution.error().code, ErrorCode::Stale);
    QVERIFY(!hasLeft);
    QCOMPARE(kernel.state(), KernelState::Idle);
    // It is fit for the next one, and has not seen the first.
    QVERIFY(run(kernel, QStringLiteral("pass")));
    QVERIFY(!QFile::exists(mark));
}

/// However long that one takes to end.
void TestRareKernel::whatWaitsToLeaveDoesNotLeaveForAKernelThatGoes()
{
    Kernel kernel(scripted(QStringLiteral("stdin=never")), options(), *m_pool);
    QVERIFY(await(kernel.start()));
    bool hasLeft = false;
    auto running = kernel.execute(kernel.newMessageId(), QStringLiteral("pass"),
                                  {.allowStdin = true}, {}, [&hasLeft] { hasLeft = true; });
    ::kill(pid_t(kernel.pid()), SIGSTOP);
    auto stopping = kernel.shutdown();
    const auto execution = await(std::move(running));
    QVERIFY(!execution);
    QCOMPARE(execution.error().code, ErrorCode::Stale);
    QVERIFY(!hasLeft);
    QVERIFY(await(std::move(stopping)));
}

QTEST_GUILESS_MAIN(TestRareKernel)
#include "tst_rarekernel.moc"
