#include <QTest>

#include "async/sleep.h"
#include "async/taskscope.h"
#include "async/waiter.h"

using namespace celldeck;
using namespace std::chrono_literals;

namespace {

QString word(const Result<int> &result)
{
    return result ? QString::number(*result) : toCode(result.error().code);
}

QCoro::Task<> note(const TaskScope &scope, Waiter<int> waiter, QStringList *log, QString name,
                   std::optional<Milliseconds> limit = {})
{
    const Result<int> got = co_await waiter.wait(scope, limit);
    log->append(name + QLatin1Char(':') + word(got));
}

/// An owner as the house writes them: the scope is the last member, and its coroutines use the
/// members before it.
class Owner
{
public:
    explicit Owner(QStringList *log) : m_log(log) {}
    ~Owner() { m_log->append(QStringLiteral("~Owner")); }

    void start(Waiter<int> waiter) { m_scope.start(work(waiter)); }
    void startSuicide(Waiter<int> waiter, std::unique_ptr<Owner> *self)
    {
        m_scope.start(suicide(waiter, self));
    }
    TaskScope &scope() { return m_scope; }

private:
    QCoro::Task<> work(Waiter<int> waiter)
    {
        const Result<int> first = co_await waiter.wait(m_scope);
        m_log->append(m_name + word(first));
        const Result<int> second = co_await Waiter<int>().wait(m_scope);
        m_log->append(m_name + word(second));
    }

    QCoro::Task<> suicide(Waiter<int> waiter, std::unique_ptr<Owner> *self)
    {
        QStringList *log = m_log;
        const Result<int> got = co_await waiter.wait(m_scope);
        log->append(QStringLiteral("deletes:") + word(got));
        self->reset();
        log->append(QStringLiteral("after"));
    }

    QStringList *m_log;
    QString m_name = QStringLiteral("owner:");
    TaskScope m_scope;
};

QCoro::Task<Result<int>> inner(const TaskScope &scope, Waiter<int> waiter)
{
    const Result<int> got = co_await waiter.wait(scope);
    if (!got)
        co_return fail(got.error());
    co_return *got * 2;
}

QCoro::Task<> outer(const TaskScope &scope, Waiter<int> waiter, QStringList *log)
{
    const Result<int> got = co_await inner(scope, waiter);
    log->append(word(got));
}

QCoro::Task<> thrower(const TaskScope &scope, Waiter<int> waiter)
{
    const Result<int> got = co_await waiter.wait(scope);
    throw std::runtime_error("thrown on purpose " + std::to_string(got.value_or(0)));
}

}  // namespace

class TestTaskScope : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void resumesFromTheEventLoopAndNotInsideResolve()
    {
        QStringList log;
        TaskScope scope;
        const Waiter<int> waiter;
        scope.start(note(scope, waiter, &log, QStringLiteral("a")));
        scope.start(note(scope, waiter, &log, QStringLiteral("b")));
        QCOMPARE(scope.running(), 2);
        QVERIFY(waiter.resolve(7));
        QVERIFY(log.isEmpty());
        QTRY_COMPARE(log, QStringList({QStringLiteral("a:7"), QStringLiteral("b:7")}));
        QCOMPARE(scope.running(), 0);
    }

    void firstResultCounts()
    {
        QStringList log;
        TaskScope scope;
        const Waiter<int> waiter;
        QVERIFY(waiter.resolve(1));
        QVERIFY(!waiter.resolve(2));
        QVERIFY(!waiter.resolve(fail(ErrorCode::Io, QStringLiteral("late"))));
        scope.start(note(scope, waiter, &log, QStringLiteral("a")));
        QCOMPARE(log, QStringList(QStringLiteral("a:1")));
    }

    void errorsTravelThroughNestedCoroutines()
    {
        QStringList log;
        TaskScope scope;
        const Waiter<int> good;
        const Waiter<int> bad;
        scope.start(outer(scope, good, &log));
        scope.start(outer(scope, bad, &log));
        good.resolve(21);
        bad.resolve(fail(ErrorCode::KernelDied, QStringLiteral("x")));
        QTRY_COMPARE(log, QStringList({QStringLiteral("42"), QStringLiteral("kernel_died")}));
    }

    void closeCancelsAndJoins()
    {
        QStringList log;
        const Waiter<int> waiter;
        {
            TaskScope scope;
            scope.start(note(scope, waiter, &log, QStringLiteral("a")));
            scope.start(outer(scope, waiter, &log));
            scope.close();
            QCOMPARE(log,
                     QStringList({QStringLiteral("a:cancelled"), QStringLiteral("cancelled")}));
            QCOMPARE(scope.running(), 0);
            scope.close();
            scope.start(note(scope, waiter, &log, QStringLiteral("late")));
            QCOMPARE(log.last(), QStringLiteral("late:cancelled"));
        }
        waiter.resolve(1);  // touches nothing that has gone
        QCoreApplication::processEvents();
        QCOMPARE(log.size(), 3);
    }

    void aResultThatHasComeIsNotTakenAway()
    {
        QStringList log;
        TaskScope scope;
        const Waiter<int> waiter;
        scope.start(note(scope, waiter, &log, QStringLiteral("a")));
        waiter.resolve(5);
        scope.close();
        QCOMPARE(log, QStringList(QStringLiteral("a:5")));
        QCoreApplication::processEvents();
        QCOMPARE(log.size(), 1);
    }

    void ownerDeletedWhileSuspended()
    {
        QStringList log;
        const Waiter<int> waiter;
        auto owner = std::make_unique<Owner>(&log);
        owner->start(waiter);
        owner.reset();
        // ~Owner's body runs before its members go; the coroutine still finds them.
        QCOMPARE(log, QStringList({QStringLiteral("~Owner"), QStringLiteral("owner:cancelled"),
                                   QStringLiteral("owner:cancelled")}));
    }

    void ownerDeletedByItsOwnCoroutine()
    {
        QStringList log;
        const Waiter<int> waiter;
        auto owner = std::make_unique<Owner>(&log);
        owner->start(Waiter<int>());
        owner->startSuicide(waiter, &owner);
        waiter.resolve(1);
        QTRY_COMPARE(
            log, QStringList({QStringLiteral("deletes:1"), QStringLiteral("~Owner"),
                              QStringLiteral("owner:cancelled"), QStringLiteral("owner:cancelled"),
                              QStringLiteral("after")}));
        QVERIFY(!owner);
    }

    void cancelDuringResume()
    {
        // Two coroutines are ready in one turn; the first closes the scope.
        QStringList log;
        auto scope = std::make_unique<TaskScope>();
        const Waiter<int> waiter;
        auto closer = [](TaskScope *s, Waiter<int> w, QStringList *l) -> QCoro::Task<> {
            const Result<int> got = co_await w.wait(*s);
            l->append(QStringLiteral("closer:") + word(got));
            s->close();
            const Result<int> again = co_await Waiter<int>().wait(*s);
            l->append(QStringLiteral("closer:") + word(again));
        };
        scope->start(closer(scope.get(), waiter, &log));
        scope->start(note(*scope, waiter, &log, QStringLiteral("ready")));
        scope->start(note(*scope, Waiter<int>(), &log, QStringLiteral("waiting")));
        waiter.resolve(3);
        QTRY_COMPARE(log, QStringList({QStringLiteral("closer:3"), QStringLiteral("ready:3"),
                                       QStringLiteral("waiting:cancelled"),
                                       QStringLiteral("closer:cancelled")}));
        QCOMPARE(scope->running(), 0);
    }

    void nestedScopesCloseInnerFirst()
    {
        QStringList log;
        TaskScope parent;
        TaskScope child(parent, std::in_place);
        auto gone = std::make_unique<TaskScope>(parent, std::in_place);
        parent.start(note(parent, Waiter<int>(), &log, QStringLiteral("parent")));
        child.start(note(child, Waiter<int>(), &log, QStringLiteral("child")));
        gone->start(note(*gone, Waiter<int>(), &log, QStringLiteral("gone")));
        gone.reset();
        QCOMPARE(log, QStringList(QStringLiteral("gone:cancelled")));
        parent.close();
        QVERIFY(child.isClosed());
        QCOMPARE(log,
                 QStringList({QStringLiteral("gone:cancelled"), QStringLiteral("child:cancelled"),
                              QStringLiteral("parent:cancelled")}));
        const TaskScope late(parent, std::in_place);
        QVERIFY(late.isClosed());
    }

    void closingAChildLeavesItsParent()
    {
        QStringList log;
        TaskScope parent;
        const Waiter<int> waiter;
        parent.start(note(parent, waiter, &log, QStringLiteral("parent")));
        {
            TaskScope child(parent, std::in_place);
            child.start(note(child, waiter, &log, QStringLiteral("child")));
        }
        waiter.resolve(1);
        QTRY_COMPARE(log,
                     QStringList({QStringLiteral("child:cancelled"), QStringLiteral("parent:1")}));
    }

    void limitEndsTheWaitButNotTheThing()
    {
        QStringList log;
        TaskScope scope;
        const Waiter<int> waiter;
        scope.start(note(scope, waiter, &log, QStringLiteral("short"), 1ms));
        scope.start(note(scope, waiter, &log, QStringLiteral("long"), 60s));
        QTRY_COMPARE(log, QStringList(QStringLiteral("short:timeout")));
        waiter.resolve(2);
        QTRY_COMPARE(log.size(), 2);
        QCOMPARE(log.last(), QStringLiteral("long:2"));
    }

    void sleepEndsOrIsCancelled()
    {
        QStringList log;
        TaskScope scope;
        auto sleeper = [](TaskScope *s, Milliseconds time, QStringList *l) -> QCoro::Task<> {
            const Result<> slept = co_await sleepFor(*s, time);
            l->append(slept ? QStringLiteral("slept") : toCode(slept.error().code));
        };
        scope.start(sleeper(&scope, 1ms, &log));
        scope.start(sleeper(&scope, 60s, &log));
        QTRY_COMPARE(log, QStringList(QStringLiteral("slept")));
        scope.close();
        QCOMPARE(log.last(), QStringLiteral("cancelled"));
    }

    void anExceptionIsLoggedAndEndsTheCoroutine()
    {
        TaskScope scope;
        const Waiter<int> waiter;
        scope.start(thrower(scope, waiter));
        waiter.resolve(3);
        QTest::ignoreMessage(QtCriticalMsg, "a coroutine threw: thrown on purpose 3");
        QTRY_COMPARE(scope.running(), 0);
    }

    void thousandsOfWaitersResumeInOrder()
    {
        QStringList log;
        TaskScope scope;
        std::vector<Waiter<int>> waiters(2000);
        for (const auto &waiter : waiters)
            scope.start(note(scope, waiter, &log, QString()));
        for (size_t i = 0; i < waiters.size(); ++i)
            waiters[i].resolve(int(i));
        QTRY_COMPARE(log.size(), 2000);
        QCOMPARE(log.first(), QStringLiteral(":0"));
        QCOMPARE(log.last(), QStringLiteral(":1999"));
    }
};

QTEST_GUILESS_MAIN(TestTaskScope)
#include "tst_taskscope.moc"
