#include <QTemporaryDir>
#include <QtTest>

#include "storage/database.h"
#include "storage/stores.h"
#include "storage/taskcleaner.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using celldeck::test::await;
using namespace std::chrono_literals;

namespace {

constexpr UtcTime Now = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};
const QString Path = QStringLiteral("/n/a.ipynb");
const Actor Agent{.role = Role::Agent, .client = QStringLiteral("claude")};
const Actor Person{.role = Role::Operator, .client = QStringLiteral("console")};

TaskDraft draft(const QString &code = QStringLiteral("1"), const QString &key = {})
{
    TaskDraft made;
    made.notebookPath = Path;
    made.code = code;
    made.key = key;
    return made;
}

struct Fixture
{
    explicit Fixture(const QString &folder, QueueLimits limits = {})
        : database(folder + QStringLiteral("/state.db")),
          stores(database, limits),
          cleaner(database, stores.tasks)
    {
        opened = database.open();
    }

    /// Every entry, oldest first, as "actor client action object count".
    QStringList log(int page = 100)
    {
        QStringList lines;
        AuditFilter filter;
        filter.limit = page;
        for (;;) {
            const auto entries = await(stores.audit.list(filter));
            if (!entries)
                return {entries.error().message};
            for (const AuditEntry &entry : *entries)
                lines.prepend(QStringLiteral("%1 %2 %3 %4 %5")
                                  .arg(toText(entry.by.role), entry.by.client, toText(entry.action),
                                       entry.object)
                                  .arg(entry.count));
            if (entries->size() < page)
                return lines;
            filter.before = entries->last().place;
        }
    }

    TaskId add(UtcTime at, const Actor &by = Agent)
    {
        const auto tasks = await(stores.tasks.insert({draft()}, at, by));
        return tasks ? tasks->first().id : TaskId();
    }

    TaskId addEnded(UtcTime at, const Actor &by = Agent)
    {
        const TaskId id = add(at, by);
        TaskOutcome outcome;
        outcome.finishedAt = at;
        return await(stores.tasks.finish(id, outcome)) ? id : TaskId();
    }

    Database database;
    Stores stores;
    TaskCleaner cleaner;
    Result<> opened;
};

QString line(const char *who, const char *action, TaskId task, int count = 1)
{
    return QStringLiteral("%1 %2 %3 %4")
        .arg(QLatin1String(who), QLatin1String(action), toText(task))
        .arg(count);
}

}  // namespace

class TestAuditStore : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aSubmissionIsOneEntry();
    void aSubmissionThatIsThereAlreadyIsNone();
    void whatIsRefusedIsNoAction();
    void aNoteGoesWithItsChange();
    void ordersAndKernelsAreNoted();
    void aCleanupIsOneEntryAndKeepsTheAuthors();
    void aPreviewIsNoAction();
    void pagesEndBetweenEntriesOfOneMoment();
    void filtersHoldForBothKinds();
    void oldEntriesGo();
    void timeNeverRunsBack();
};

void TestAuditStore::aSubmissionIsOneEntry()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    QVERIFY(f.opened);
    const TaskId one = f.add(Now);
    const auto three = await(f.stores.tasks.insert({draft(), draft(), draft()}, Now + 1s, Person));
    QVERIFY(three);
    TaskOutcome outcome;
    outcome.finishedAt = Now + 2s;
    QVERIFY(await(f.stores.tasks.finish(one, outcome)));
    const auto task = await(f.stores.tasks.load(one));
    QVERIFY(task);
    const auto again = await(f.stores.tasks.insert({replayOf(task->task)}, Now + 3s, Person));
    QVERIFY(again);
    QCOMPARE(f.log(), (QStringList{line("agent claude", "submit", one),
                                   line("operator console", "submit", three->first().id, 3),
                                   line("operator console", "replay", again->first().id)}));
}

void TestAuditStore::aSubmissionThatIsThereAlreadyIsNone()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const QList<TaskDraft> drafts{draft(QStringLiteral("1"), QStringLiteral("k"))};
    for (int i = 0; i < 3; ++i)
        QVERIFY(await(f.stores.tasks.insert(drafts, Now, Agent)));
    // By the name that clients know.
    QCOMPARE(f.log(), QStringList{QStringLiteral("agent claude submit k 1")});
    QVERIFY(await(f.stores.tasks.insert(drafts + QList{draft(QStringLiteral("2"))}, Now, Person)));
    QCOMPARE(f.log().size(), 2);
    QVERIFY(f.log().last().startsWith(QStringLiteral("operator console submit")));
    QVERIFY(f.log().last().endsWith(QStringLiteral(" 1")));
}

void TestAuditStore::whatIsRefusedIsNoAction()
{
    QTemporaryDir dir;
    Fixture f(dir.path(), {.pendingInNotebook = 1});
    const TaskId id = f.add(Now);
    QVERIFY(!await(f.stores.tasks.insert({draft()}, Now, Agent)));
    QVERIFY(!await(f.stores.tasks.insert({draft(), draft()}, Now, Agent)));
    TaskOutcome outcome;
    outcome.state = TaskState::Cancelled;
    outcome.finishedAt = Now;
    const AuditNote note{
        .by = Person, .action = Action::Cancel, .at = Now, .notebookPath = Path, .task = id};
    QVERIFY(await(f.stores.tasks.finish(id, outcome, note)));
    QVERIFY(!await(f.stores.tasks.finish(id, outcome, note)));  // It has ended.
    QCOMPARE(f.log(), (QStringList{line("agent claude", "submit", id),
                                   line("operator console", "cancel", id)}));
}

void TestAuditStore::aNoteGoesWithItsChange()
{
    QTemporaryDir dir;
    TaskId id;
    {
        Fixture f(dir.path());
        id = f.add(Now);
        const AuditNote note{.by = Person,
                             .action = Action::Move,
                             .at = Now + 1s,
                             .notebookPath = Path,
                             .task = id,
                             .detail = QStringLiteral("to place 0")};
        QVERIFY(await(f.stores.tasks.reorder({id}, note)));
    }
    Fixture again(dir.path());
    const auto entries = await(again.stores.audit.list({}));
    QVERIFY(entries);
    QCOMPARE(entries->size(), 2);
    const AuditEntry moved = entries->first();
    QCOMPARE(moved.by, Person);
    QCOMPARE(moved.action, Action::Move);
    QCOMPARE(moved.at, Now + 1s);
    QCOMPARE(moved.notebookPath, Path);
    QCOMPARE(moved.object, toText(id));
    QCOMPARE(moved.detail, QStringLiteral("to place 0"));
    // Actors are known again by their names, and not made anew.
    again.add(Now + 2s);
    const auto actors = await(again.database.read<std::int64_t>([](Connection &connection) {
        return connection.number(QStringLiteral("SELECT count(*) FROM actor"));
    }));
    QCOMPARE(actors, 2);
}

void TestAuditStore::ordersAndKernelsAreNoted()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    AuditNote note{.by = Person, .action = Action::Pause, .at = Now};
    QVERIFY(await(f.stores.orders.setFlow({}, Flow::Paused, note)));
    note.action = Action::SetStopOnError;
    note.notebookPath = Path;
    QVERIFY(await(f.stores.orders.setOnError(Path, OnError::Stop, note)));
    note.action = Action::StartKernel;
    note.object = QStringLiteral("python3");
    const KernelRecord kernel{.notebookPath = Path,
                              .name = QStringLiteral("python3"),
                              .connectionFile = QStringLiteral("/r/k.json"),
                              .session = QStringLiteral("s"),
                              .boot = QStringLiteral("b")};
    QVERIFY(await(f.stores.kernels.save(kernel, note)));
    note.action = Action::StopKernel;
    note.object.clear();
    QVERIFY(await(f.stores.kernels.remove(Path, note)));
    note.action = Action::BackUp;
    note.object = QStringLiteral("/b/copy.db");
    QVERIFY(await(f.stores.audit.record(note)));
    QVERIFY(await(f.stores.orders.setFlow({}, Flow::Runs)));  // Nobody's.
    QCOMPARE(f.log(), (QStringList{QStringLiteral("operator console pause  1"),
                                   QStringLiteral("operator console set_stop_on_error  1"),
                                   QStringLiteral("operator console start_kernel python3 1"),
                                   QStringLiteral("operator console stop_kernel  1"),
                                   QStringLiteral("operator console backup /b/copy.db 1")}));
}

void TestAuditStore::aCleanupIsOneEntryAndKeepsTheAuthors()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const TaskId first = f.addEnded(Now);
    for (int i = 1; i < 300; ++i)  // More than one transaction's.
        f.addEnded(Now);
    const TaskId other = f.addEnded(Now, Person);
    const TaskId kept = f.add(Now);
    const auto report =
        await(f.cleaner.runOnce({}, CleanupMode::Remove, Now + 48h, {Role::System, {}}));
    QVERIFY(report);
    QCOMPARE(report->tasks, 301);
    QStringList log = f.log();
    QCOMPARE(log.takeLast(), QStringLiteral("system  cleanup  301"));
    // Those of each transaction together, at the time of the first of them.
    int submitted = 0;
    QVERIFY(log.size() <= 4);
    for (const QString &entry : std::as_const(log)) {
        if (entry.startsWith(QLatin1String("agent claude submit")))
            submitted += entry.section(QLatin1Char(' '), -1).toInt();
    }
    QCOMPARE(submitted, 301);  // 300 and the one that waits.
    QVERIFY(log.first().startsWith(QStringLiteral("agent claude submit ") + toText(first)));
    QVERIFY(log.contains(line("operator console", "submit", other)));
    QVERIFY(log.contains(line("agent claude", "submit", kept)));
    QVERIFY(await(f.cleaner.runOnce({}, CleanupMode::Remove, Now + 49h, Person)));
    QCOMPARE(f.log().size(), log.size() + 1);  // It has changed nothing.
}

void TestAuditStore::aPreviewIsNoAction()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    const TaskId id = f.addEnded(Now);
    QVERIFY(await(f.cleaner.runOnce({}, CleanupMode::Preview, Now + 48h, Person)));
    QCOMPARE(f.log(), QStringList{line("agent claude", "submit", id)});
}

void TestAuditStore::pagesEndBetweenEntriesOfOneMoment()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    AuditNote note{.by = Person, .action = Action::Pause, .at = Now};
    for (int i = 0; i < 5; ++i) {
        f.add(Now);
        QVERIFY(await(f.stores.audit.record(note)));
    }
    const QStringList all = f.log();
    QCOMPARE(all.size(), 10);
    QCOMPARE(f.log(1), all);
    QCOMPARE(f.log(3), all);
}

void TestAuditStore::filtersHoldForBothKinds()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    f.add(Now, Agent);
    f.add(Now + 1h, Person);
    QVERIFY(await(f.stores.audit.record({.by = Agent, .action = Action::Resume, .at = Now + 2h})));
    QVERIFY(await(f.stores.audit.record({.by = Person, .action = Action::Pause, .at = Now + 3h})));
    const auto count = [&f](const AuditFilter &filter) {
        const auto entries = await(f.stores.audit.list(filter));
        return entries ? entries->size() : -1;
    };
    QCOMPARE(count({}), 4);
    QCOMPARE(count({.role = Role::Agent}), 2);
    QCOMPARE(count({.role = Role::System}), 0);
    QCOMPARE(count({.client = QStringLiteral("console")}), 2);
    QCOMPARE(count({.action = Action::Submit}), 2);
    QCOMPARE(count({.action = Action::Pause}), 1);
    QCOMPARE(count({.notebookPath = Path}), 2);
    QCOMPARE(count({.since = Now + 1h}), 3);
    QCOMPARE(count({.limit = 3}), 3);
}

void TestAuditStore::oldEntriesGo()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    for (int i = 0; i < 10; ++i)
        QVERIFY(await(f.stores.audit.record({.by = Person,
                                             .action = Action::Pause,
                                             .at = Now + i * 1h,
                                             .detail = QString::number(i)})));
    QVERIFY(await(f.cleaner.runOnce({}, CleanupMode::Remove, Now + 90 * 24h + 4h, Person)));
    const auto left = await(f.stores.audit.list({}));
    QVERIFY(left);
    QCOMPARE(left->size(), 6);
    QCOMPARE(left->last().detail, QStringLiteral("4"));
}

void TestAuditStore::timeNeverRunsBack()
{
    QTemporaryDir dir;
    Fixture f(dir.path());
    for (const auto &[detail, at] : {std::pair("a", Now), std::pair("b", Now - 24h)})
        QVERIFY(await(f.stores.audit.record({.by = Person,
                                             .action = Action::Pause,
                                             .at = at,
                                             .detail = QString::fromLatin1(detail)})));
    const auto entries = await(f.stores.audit.list({}));
    QVERIFY(entries);
    QCOMPARE(entries->first().detail, QStringLiteral("b"));
}

QTEST_GUILESS_MAIN(TestAuditStore)
#include "tst_auditstore.moc"
