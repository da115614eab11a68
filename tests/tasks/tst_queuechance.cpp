#include <QDir>
#include <QFile>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtTest>
#include <map>

#include "base/json.h"
#include "storage/database.h"
#include "support/await.h"
#include "tasks/taskqueue.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::tasks;
using celldeck::test::await;

namespace {

constexpr int Notebooks = 3;

/// What a cell does with its kernel: see tests/support/scriptedkernel.py.
enum class Kind { Good, Bad, Endless, Deadly };

/// A task as it was announced, and what is allowed to become of it.
struct Known
{
    Kind kind = Kind::Good;
    TaskDraft draft;
    TaskState state = TaskState::Pending;
    bool hasBegun = false;
    QString error;
};

/// One life of an engine's queue.
struct Life
{
    explicit Life(const QString &folder)
        : database(folder + QStringLiteral("/state.db")),
          stores(database),
          queue(stores, clock,
                {.runtimeDirectory = folder + QStringLiteral("/rt"),
                 .shutdownGrace = Milliseconds(300),
                 .life = kernels::KernelLife::WithEngine})
    {}

    SystemClock clock;
    Database database;
    Stores stores;
    TaskQueue queue;
};

QString fromEnvironment(const char *name, const QString &otherwise)
{
    return qEnvironmentVariable(name, otherwise);
}

Json stepsOf(Kind kind)
{
    const Json busy{{"busy", 1}};
    const Json idle{{"idle", 1}};
    switch (kind) {
    case Kind::Good:
        break;
    case Kind::Bad:
        return Json::array({busy,
                            {{"reply",
                              {{"status", "error"},
                               {"ename", "E"},
                               {"evalue", "no"},
                               {"traceback", Json::array()}}}},
                            idle});
    case Kind::Endless:
        return Json::array({busy, {{"sleep", 600'000}}, {{"reply", Json::object()}}, idle});
    case Kind::Deadly:
        return Json::array({busy, {{"die", "kill"}}});
    }
    return Json::array({busy, {{"reply", Json::object()}}, idle});
}

}  // namespace

/// Random orders to the queue with its sessions, kernels that answer, fail, hang and die, and
/// engines that end in order or not at all. Whatever the order: nothing accepted is lost, nothing
/// runs twice, one cell of a notebook at a time, no final state changes, and each end is one that
/// its cell and the orders allow. By a seed: CELLDECK_FUZZ_SEED, CELLDECK_FUZZ_STEPS.
class TestQueueChance : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void anyOrderOfThings();

private:
    enum class End { InOrder, Dropped };

    void makeKernelSpec();
    void begin();
    void end(End how);
    void step();
    void submit();
    void submitAgain();
    void settle();
    void compareWithDisk();
    void compareWithKernels();
    void handleChange(const TaskRecord &task);
    void wrong(TaskId id, const QString &what);

    QString notebook()
    {
        return m_dir.filePath(QStringLiteral("%1.ipynb").arg(m_chance.bounded(Notebooks)));
    }
    std::optional<TaskId> any(bool unfinished);
    QList<TaskId> unfinished() const;
    QString notes() const { return m_dir.filePath(QStringLiteral("notes")); }

    QTemporaryDir m_dir;
    QRandomGenerator m_chance;
    std::unique_ptr<Life> m_life;
    std::map<TaskId, Known> m_known;
    std::map<TaskId, QString> m_running;  // and its notebook
    std::map<QString, Kind> m_kinds;      // by code
    QStringList m_wrong;
    QMap<QString, int> m_counts;
    int m_number = 0;
};

void TestQueueChance::makeKernelSpec()
{
    const QString folder = m_dir.filePath(QStringLiteral("jupyter/kernels/scripted"));
    QVERIFY(QDir().mkpath(folder));
    QFile file(folder + QStringLiteral("/kernel.json"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    const QByteArray spec = toBytes(
        Json{{"argv", Json::array({"/usr/bin/python3", CELLDECK_TESTS "/support/scriptedkernel.py",
                                   "{connection_file}"})},
             {"display_name", "scripted"},
             {"language", "json"}});
    QCOMPARE(file.write(spec), spec.size());
    qputenv("JUPYTER_PATH", m_dir.filePath(QStringLiteral("jupyter")).toUtf8());
}

void TestQueueChance::begin()
{
    m_life = std::make_unique<Life>(m_dir.path());
    connect(&m_life->queue, &TaskQueue::taskChanged, this, &TestQueueChance::handleChange);
    QVERIFY(m_life->database.open());
    QVERIFY(await(m_life->queue.recover(Recovery::Run)));
    // What a recovery ends was told to nobody yet.
    for (const TaskId id : unfinished()) {
        const auto now = await(m_life->stores.tasks.load(id));
        QVERIFY(now);
        if (m_known[id].state == TaskState::Running)
            QCOMPARE(now->task.state, TaskState::Interrupted);
        m_known[id].state = now->task.state;
    }
}

void TestQueueChance::end(End how)
{
    if (how == End::InOrder)
        QVERIFY(await(m_life->queue.stop()));
    m_life.reset();
    m_running.clear();
    m_counts[how == End::InOrder ? QStringLiteral("ended") : QStringLiteral("dropped")] += 1;
}

void TestQueueChance::wrong(TaskId id, const QString &what)
{
    m_wrong << QStringLiteral("%1: %2").arg(toText(id), what);
}

void TestQueueChance::handleChange(const TaskRecord &task)
{
    Known &known = m_known[task.id];
    known.kind = m_kinds.at(task.code);
    const TaskState before = std::exchange(known.state, task.state);
    if (isFinal(before) && task.state != before)
        wrong(task.id, QStringLiteral("%1 became %2").arg(toText(before), toText(task.state)));
    known.error = task.error;
    if (isFinal(task.state))
        m_running.erase(task.id);
    if (task.state != TaskState::Running || before == TaskState::Running)
        return;
    if (std::exchange(known.hasBegun, true))
        wrong(task.id, QStringLiteral("began twice"));
    for (const auto &[other, path] : m_running) {
        if (path == task.notebookPath)
            wrong(task.id, QStringLiteral("began while %1 ran").arg(toText(other)));
    }
    m_running[task.id] = task.notebookPath;
}

QList<TaskId> TestQueueChance::unfinished() const
{
    QList<TaskId> ids;
    for (const auto &[id, known] : m_known) {
        if (!isFinal(known.state))
            ids << id;
    }
    return ids;
}

std::optional<TaskId> TestQueueChance::any(bool isUnfinished)
{
    QList<TaskId> ids = unfinished();
    if (!isUnfinished) {
        ids.clear();
        for (const auto &[id, known] : m_known)
            ids << id;
    }
    if (ids.isEmpty())
        return std::nullopt;
    return ids[m_chance.bounded(ids.size())];
}

void TestQueueChance::submit()
{
    QList<TaskDraft> drafts;
    TaskDraft made;
    made.notebookPath = notebook();
    made.kernelName = QStringLiteral("scripted");
    made.stopOnError = m_chance.bounded(3) == 0;
    for (int i = m_chance.bounded(1, 5); i > 0; --i) {
        const int dice = m_chance.bounded(20);
        const Kind kind = dice == 0  ? Kind::Deadly
                          : dice < 3 ? Kind::Endless
                          : dice < 6 ? Kind::Bad
                                     : Kind::Good;
        Json script = stepsOf(kind);
        script.insert(script.begin(), Json{{"note", notes()}, {"text", ++m_number}});
        made.code = QString::fromUtf8(toBytes(script));
        made.key = m_chance.bounded(2) == 0 ? QStringLiteral("key-%1").arg(m_number) : QString();
        m_kinds[made.code] = kind;
        drafts << made;
    }
    const auto added = await(m_life->queue.submit(drafts));
    QVERIFY2(added, added ? "" : qPrintable(added.error().message));
    QCOMPARE(added->size(), drafts.size());
    for (qsizetype i = 0; i < drafts.size(); ++i) {
        QVERIFY(m_known.contains(added->at(i).id));
        m_known[added->at(i).id].draft = drafts[i];
    }
}

void TestQueueChance::submitAgain()
{
    const auto id = any(false);
    if (!id || m_known[*id].draft.key.isEmpty())
        return;
    const std::size_t before = m_known.size();
    const auto again = await(m_life->queue.submit({m_known[*id].draft}));
    QVERIFY2(again, again ? "" : qPrintable(again.error().message));
    QCOMPARE(again->first().id, *id);
    QCOMPARE(m_known.size(), before);
}

void TestQueueChance::settle()
{
    QVERIFY(await(m_life->queue.setFlow({}, Flow::Runs)));
    for (int i = 0; i < Notebooks; ++i)
        QVERIFY(await(
            m_life->queue.setFlow(m_dir.filePath(QStringLiteral("%1.ipynb").arg(i)), Flow::Runs)));
    for (const TaskId id : unfinished()) {
        // It may have ended meanwhile: then there is nothing to cancel.
        if (m_known[id].kind == Kind::Endless)
            (void)await(m_life->queue.cancel(id));
    }
    for (const TaskId id : unfinished()) {
        const auto ended = await(m_life->queue.finished(id));
        QVERIFY2(ended, qPrintable(toText(id)));
        QCOMPARE(ended->state, m_known[id].state);
    }
    QVERIFY(m_running.empty());
}

void TestQueueChance::step()
{
    const int dice = m_chance.bounded(100);
    TaskQueue &queue = m_life->queue;
    const QString path = notebook();
    if (dice < 40)
        return submit();
    if (dice < 50)
        return submitAgain();
    if (dice < 62) {
        if (const auto id = any(true))
            (void)await(queue.cancel(*id));
    } else if (dice < 65) {
        (void)await(queue.cancelAll(path));
    } else if (dice < 75) {
        const Flow flow = m_chance.bounded(2) == 0 ? Flow::Paused : Flow::Runs;
        QVERIFY(await(queue.setFlow(m_chance.bounded(4) == 0 ? QString() : path, flow)));
    } else if (dice < 83) {
        if (const auto id = any(true))
            (void)await(queue.move(*id, m_chance.bounded(5)));
    } else if (dice < 86) {
        (void)await(queue.stopKernel(path));
    } else if (dice < 94) {
        settle();
    } else {
        end(dice < 97 ? End::InOrder : End::Dropped);
        compareWithDisk();
        begin();
    }
}

/// Between two lives: what was announced is what is stored.
void TestQueueChance::compareWithDisk()
{
    Database database(m_dir.filePath(QStringLiteral("state.db")));
    TaskStore store(database);
    QVERIFY(database.open());
    TaskFilter filter;
    filter.limit = int(m_known.size()) + 1;
    const auto listed = await(store.list(filter));
    QVERIFY(listed);
    QCOMPARE(std::size_t(listed->size()), m_known.size());
    for (const TaskRecord &task : *listed) {
        QVERIFY(m_known.contains(task.id));
        Known &known = m_known[task.id];
        const bool isAsTold = task.state == known.state;
        // The last commit of a life that was dropped may have had no time to be told.
        const bool isLater = !isFinal(known.state) && task.state > known.state;
        QVERIFY2(isAsTold || isLater,
                 qPrintable(QStringLiteral("%1: told %2, stored %3")
                                .arg(toText(task.id), toText(known.state), toText(task.state))));
        known.state = task.state;
        known.error = task.error;
        known.hasBegun |= task.startedAt.has_value();
    }
}

void TestQueueChance::compareWithKernels()
{
    QFile file(notes());
    QVERIFY(file.open(QIODevice::ReadOnly));
    QMap<int, int> runs;
    for (const QByteArray &line : file.readAll().split('\n')) {
        if (!line.isEmpty())
            runs[line.toInt()] += 1;
    }
    for (const auto &[id, known] : m_known) {
        const auto number =
            int(findInt(Json::parse(known.draft.code.toStdString())[0], "text").value_or(0));
        const int ran = runs.value(number);
        m_counts[toText(known.state)] += 1;
        if (ran > 1 || (ran > 0 && !known.hasBegun))
            wrong(id, QStringLiteral("ran %1 times").arg(ran));
        if (known.state == TaskState::Completed && (ran != 1 || known.kind != Kind::Good))
            wrong(id, QStringLiteral("completed"));
        const bool canFail = known.kind == Kind::Bad || known.kind == Kind::Deadly;
        if (known.state == TaskState::Failed && !canFail)
            wrong(id, QStringLiteral("failed, and nothing was wrong with it: ") + known.error);
    }
}

void TestQueueChance::anyOrderOfThings()
{
    const QString seed = fromEnvironment(
        "CELLDECK_FUZZ_SEED", QString::number(QRandomGenerator::system()->bounded(1'000'000)));
    const QString steps = fromEnvironment("CELLDECK_FUZZ_STEPS", QStringLiteral("250"));
    qInfo("CELLDECK_FUZZ_SEED=%s CELLDECK_FUZZ_STEPS=%s", qUtf8Printable(seed),
          qUtf8Printable(steps));
    m_chance.seed(seed.toUInt());
    makeKernelSpec();
    begin();
    for (int i = 0; i < steps.toInt() && !QTest::currentTestFailed(); ++i) {
        step();
        QVERIFY2(
            m_wrong.isEmpty(),
            qPrintable(QStringLiteral("step %1: %2").arg(i).arg(m_wrong.join(QLatin1Char('\n')))));
    }
    if (QTest::currentTestFailed())
        return;
    settle();
    end(End::InOrder);
    compareWithDisk();
    compareWithKernels();
    QVERIFY2(m_wrong.isEmpty(), qPrintable(m_wrong.join(QLatin1Char('\n'))));
    for (const auto &[what, count] : m_counts.asKeyValueRange())
        qInfo("%4d %s", count, qUtf8Printable(what));
}

QTEST_GUILESS_MAIN(TestQueueChance)
#include "tst_queuechance.moc"
