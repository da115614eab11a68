#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>
#include <random>

#include "queuechance.h"
#include "queuemodel.h"
#include "queuereader.h"
#include "storage/database.h"
#include "storage/stores.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::test;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int DefaultSteps = 10'000;
#else
constexpr int DefaultSteps = 100'000;
#endif
constexpr int StepsAFullLook = 500;
// What one restart has in between: a log that is checkpointed once in a while.
constexpr int StepsARestart = 1'000;
constexpr QueueLimits Limits{.pendingInNotebook = 12, .pendingInAll = 25};
constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};

template <class T>
Result<T> stored(T value)
{
    return value;
}

int countFromEnvironment(const char *name, int preset)
{
    bool given = false;
    const int value = qEnvironmentVariableIntValue(name, &given);
    return given ? value : preset;
}

}  // namespace

/// Random sequences of all that can be done to the queue's stores, against QueueModel. Steps are
/// asked for in bursts, which share commits, and each answer is compared; now and then all that is
/// stored is, and the database is closed, or left as a crash leaves it, and opened again. The level
/// above, TaskQueue and Session with kernels, is tests/crash's.
///
/// SEED and STEPS come from the environment; the seed is printed.
class TestQueueProperty : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void allThatWasAskedForAndNothingElse();

private:
    struct Open
    {
        explicit Open(const QString &folder)
            : database(folder + QStringLiteral("/state.db")),
              stores(database, Limits),
              cleaner(database, stores.tasks)
        {
            opened = database.open();
        }
        Database database;
        Stores stores;
        TaskCleaner cleaner;
        Result<> opened;
    };

    template <class T>
    void expect(const char *what, Waiter<T> answer, Result<T> expected)
    {
        ++m_done[what];
        m_burst.push_back([this, what, answer, expected = std::move(expected)] {
            const Result<T> got = await(answer);
            if (got.has_value() != expected.has_value()) {
                complain(what, got ? QStringLiteral("it was not refused")
                                   : QStringLiteral("refused: ") + got.error().message);
            } else if (!got) {
                if (got.error().code != expected.error().code)
                    complain(what, QStringLiteral("refused otherwise: ") + got.error().message);
            } else if constexpr (!std::is_void_v<T>) {
                if (!same(*got, *expected))
                    complain(what, QStringLiteral("another answer"));
            }
        });
    }
    void complain(const char *what, const QString &how)
    {
        m_complaints << QStringLiteral("step %1, %2: %3").arg(m_step).arg(QLatin1String(what), how);
    }

    void openAgain(const QString &folder);
    void settle();
    void step();
    void submit();
    void change();
    void order();
    void look();
    void cleanUp();
    void forgetAll();
    void restart();
    void lookAtAll();

    std::unique_ptr<QTemporaryDir> m_dir;
    int m_folders = 0;
    std::unique_ptr<Open> m_open;
    QueueModel m_model{Limits};
    UtcTime m_now = Start;
    std::unique_ptr<QueueChance> m_chance;
    int m_step = 0;
    std::vector<std::function<void()>> m_burst;
    QStringList m_complaints;
    std::map<std::string, int> m_done;
};

void TestQueueProperty::submit()
{
    QList<TaskDraft> drafts;
    for (std::int64_t i = m_chance->oneIn(3) ? m_chance->any(8) : 1; i > 0; --i)
        drafts << m_chance->anyDraft();
    if (drafts.size() > 1 && m_chance->oneIn(4))
        drafts << drafts.first();
    // The model first: what a key means at this moment is its to say.
    auto expected = m_model.insert(drafts, m_now);
    expect("submit", m_open->stores.tasks.insert(drafts, m_now), std::move(expected));
}

void TestQueueProperty::change()
{
    TaskStore &store = m_open->stores.tasks;
    const TaskId id = m_chance->anyTask();
    const TaskOutcome outcome = m_chance->anyOutcome(m_now);
    const QByteArray message = QByteArray::number(m_chance->any(1'000'000));
    switch (m_chance->any(7)) {
    case 0:
    case 1:
        expect("mark running", store.markRunning(id, message, m_now),
               m_model.markRunning(id, message, m_now));
        break;
    case 2:
    case 3:
        expect("finish", store.finish(id, outcome), m_model.finish(id, outcome));
        break;
    case 4:
        expect("put back", store.putBack(id), m_model.putBack(id));
        break;
    case 5:
        expect("keep partial", store.keepPartial(id, outcome.outputs),
               m_model.keepPartial(id, outcome.outputs));
        break;
    default:
        expect("amend outputs", store.amendOutputs(id, outcome.outputs),
               m_model.amendOutputs(id, outcome.outputs));
    }
}

void TestQueueProperty::order()
{
    Stores &stores = m_open->stores;
    const QString notebook = m_chance->anyNotebook();
    const QList<TaskId> ids = m_chance->someTasks();
    const TaskOutcome outcome = m_chance->anyOutcome(m_now);
    const Flow flow = m_chance->oneIn(2) ? Flow::Runs : Flow::Paused;
    const auto onError = static_cast<OnError>(m_chance->any(3));
    switch (m_chance->any(8)) {
    case 0:
        expect("finish pending", stores.tasks.finishPending(ids, outcome),
               m_model.finishPending(ids, outcome));
        break;
    case 1:
        expect("reorder", stores.tasks.reorder(ids), m_model.reorder(ids));
        break;
    case 2:
        expect("pause, resume", stores.orders.setFlow(notebook, flow),
               m_model.setFlow(notebook, flow));
        break;
    case 3:
        expect("pause, resume all", stores.orders.setFlow({}, flow), m_model.setFlow({}, flow));
        break;
    case 4:
        expect("stop on error", stores.orders.setOnError(notebook, onError),
               m_model.setOnError(notebook, onError));
        break;
    case 5: {
        m_model.know(notebook);
        m_model.kernels()[notebook] = QueueModel::Kernel::Works;
        KernelRecord kernel;
        kernel.notebookPath = notebook;
        kernel.name = kernel.connectionFile = kernel.session = kernel.boot = QStringLiteral("k");
        kernel.pid = 7;
        expect("record a kernel", stores.kernels.save(kernel), Result<>());
        break;
    }
    case 6: {
        const QList<TaskDraft> drafts =
            m_chance->oneIn(2) ? QList<TaskDraft>()
                               : QList<TaskDraft>{m_chance->anyDraft(), m_chance->anyDraft()};
        auto expected = m_model.loseKernel(notebook, drafts, ids, m_now);
        expect("lose a kernel", stores.tasks.loseKernel(notebook, drafts, ids, m_now),
               std::move(expected));
        break;
    }
    default:
        expect("remove ended", stores.tasks.removeEnded(ids), m_model.removeEnded(ids));
    }
}

/// What is read is not in the order of what is written: for itself, when all has settled.
void TestQueueProperty::look()
{
    settle();
    const TaskId id = m_chance->anyTask();
    const TaskFilter filter = m_chance->anyFilter(m_now, id);
    const QString name =
        m_chance->oneIn(2) ? toText(id) : QStringLiteral("key-%1").arg(m_chance->any(60));
    TaskStore &store = m_open->stores.tasks;
    expect("list", store.list(filter), stored(m_model.list(filter)));
    expect("load", store.load(id), m_model.load(id));
    expect("load by name", store.loadByName(name), m_model.loadByName(name));
    expect("stats", store.stats(m_now), stored(m_model.stats()));
    settle();
}

void TestQueueProperty::cleanUp()
{
    settle();
    const Retention retention{.completed = std::chrono::hours(m_chance->any(3)),
                              .others = std::chrono::hours(m_chance->any(5))};
    const QList<TaskId> due = m_model.due(retention, m_now);
    ++m_done["clean up"];
    const auto preview = await(m_open->cleaner.runOnce(retention, CleanupMode::Preview, m_now));
    if (!preview || preview->tasks != due.size())
        complain("clean up", QStringLiteral("the preview says otherwise"));
    // Meanwhile submissions come that need the very contents that are just being removed.
    const auto cleaning = m_open->cleaner.runOnce(retention, CleanupMode::Remove, m_now);
    for (std::int64_t i = m_chance->any(4); i > 0; --i) {
        TaskDraft draft = m_chance->anyDraft();
        draft.key.clear();
        auto expected = m_model.insert({draft}, m_now);
        expect("submit", m_open->stores.tasks.insert({draft}, m_now), std::move(expected));
    }
    const auto report = await(cleaning);
    (void)m_model.removeEnded(due);
    if (!report || report->tasks != due.size())
        complain("clean up", report ? QStringLiteral("%1 instead of %2 tasks were removed")
                                          .arg(report->tasks)
                                          .arg(due.size())
                                    : report.error().message);
    settle();
}

/// Ends and removes everything. What comes later, and be it by a clock that was set back, must not
/// be taken for what is gone.
void TestQueueProperty::forgetAll()
{
    QList<TaskId> ids;
    for (const auto &[id, task] : m_model.tasks())
        ids << id;
    TaskStore &store = m_open->stores.tasks;
    const TaskOutcome outcome = m_chance->anyOutcome(m_now);
    for (const TaskId id : std::as_const(ids))
        expect("finish", store.finish(id, outcome), m_model.finish(id, outcome));
    expect("remove ended", store.removeEnded(ids), m_model.removeEnded(ids));
    m_now -= std::chrono::hours(m_chance->any(3));
}

void TestQueueProperty::openAgain(const QString &folder)
{
    m_open = std::make_unique<Open>(folder);
    if (!m_open->opened)
        complain("open", m_open->opened.error().message);
    else if (!m_open->database.notice().isEmpty())
        complain("open", m_open->database.notice());
}

/// In order; or as a crash leaves it: the files as they are, and nobody has closed them.
void TestQueueProperty::restart()
{
    if (m_chance->oneIn(5))
        forgetAll();
    settle();
    QString folder = m_dir->filePath(QString::number(m_folders));
    if (m_chance->oneIn(2)) {
        ++m_done["crash"];
        const QString before = folder;
        folder = m_dir->filePath(QString::number(++m_folders));
        QDir().mkpath(folder);
        for (const QString &name : {QStringLiteral("/state.db"), QStringLiteral("/state.db-wal")})
            QFile::copy(before + name, folder + name);
        m_open.reset();
        QDir(before).removeRecursively();
    } else {
        ++m_done["close"];
        if (m_chance->oneIn(2))
            expect("end", m_open->stores.orders.end(), m_model.end());
        settle();
        m_open.reset();
    }
    openAgain(folder);
    expect("begin", m_open->stores.orders.begin(m_now), m_model.begin(m_now));
    settle();
    lookAtAll();
}

void TestQueueProperty::lookAtAll()
{
    settle();
    Stores &stores = m_open->stores;
    expect("all unfinished", stores.tasks.loadUnfinished(), stored(m_model.unfinished()));
    expect("all orders", stores.orders.load(), stored(m_model.orders()));
    expect("all stats", stores.tasks.stats(m_now), stored(m_model.stats()));
    settle();
    TaskFilter all;
    all.limit = INT_MAX;
    const auto paged = readPages(stores.tasks);
    if (!paged || *paged != m_model.list(all))
        complain("all pages", QStringLiteral("they are not what was stored"));
    const auto kernels = readKernels(stores.kernels);
    if (!kernels || *kernels != m_model.kernels())
        complain("all kernels", QStringLiteral("they are not what was recorded"));
    std::map<QString, QStringList> expected;
    for (const auto &[id, task] : m_model.tasks())
        expected.emplace(nameOf(task.task), viewRow(task));
    const auto rows = readView(m_open->database);
    if (!rows || *rows != expected)
        complain("execution_queue", QStringLiteral("the view is not what was stored"));
    // A refused submission leaves none.
    const auto notebooks = readNotebooks(m_open->database);
    if (!notebooks || *notebooks != m_model.notebooks())
        complain("notebooks", QStringLiteral("there are others than were stored"));
}

void TestQueueProperty::settle()
{
    for (const auto &answered : std::exchange(m_burst, {}))
        answered();
}

void TestQueueProperty::step()
{
    // Mostly forward, at times not at all; a clock can be set back, too.
    if (!m_chance->oneIn(3))
        m_now += Milliseconds(m_chance->any(60'000));
    if (m_chance->oneIn(400))
        m_now -= std::chrono::hours(m_chance->any(3));
    const std::int64_t kind = m_chance->any(100);
    if (kind < 30)
        submit();
    else if (kind < 75)
        change();
    else if (kind < 92)
        order();
    else if (kind < 99)
        look();
    else if (m_chance->oneIn(2))
        cleanUp();
    if (m_chance->oneIn(6))
        settle();
}

void TestQueueProperty::allThatWasAskedForAndNothingElse()
{
    const int steps = countFromEnvironment("STEPS", DefaultSteps);
    const auto seed =
        static_cast<unsigned>(countFromEnvironment("SEED", int(std::random_device()() >> 1U)));
    qInfo("SEED=%u STEPS=%d", seed, steps);
    m_chance = std::make_unique<QueueChance>(m_model, seed);
    m_dir = std::make_unique<QTemporaryDir>();
    QDir(m_dir->path()).mkdir(QStringLiteral("0"));
    openAgain(m_dir->filePath(QStringLiteral("0")));
    for (m_step = 1; m_step <= steps && m_complaints.isEmpty(); ++m_step) {
        step();
        if (m_step % StepsARestart == 0)
            restart();
        else if (m_step % StepsAFullLook == 0)
            lookAtAll();
    }
    lookAtAll();
    for (const auto &[what, times] : m_done)
        qInfo("%s: %d", what.c_str(), times);
    qInfo("%zu tasks at the end", m_model.tasks().size());
    QVERIFY2(m_complaints.isEmpty(), qPrintable(m_complaints.join(QLatin1Char('\n'))));
}

QTEST_GUILESS_MAIN(TestQueueProperty)

#include "tst_queueproperty.moc"
