#include <QTest>

#include "async/taskscope.h"
#include "async/turn.h"
#include "async/waiter.h"

using namespace celldeck;

namespace {

QCoro::Task<> note(const TaskScope &scope, Waiter<> waiter, QStringList *log, QString name)
{
    const Result<> got = co_await waiter.wait(scope);
    log->append(got ? name : name + QStringLiteral(" cancelled"));
}

QCoro::Task<> passOn(const TaskScope &scope, Waiter<> from, Waiter<> to, QStringList *log)
{
    const Result<> got = co_await from.wait(scope);
    if (!got)
        co_return;
    const Turn inner;
    to.resolve({});
    log->append(QStringLiteral("passed on"));
}

QCoro::Task<> remove(const TaskScope &scope, Waiter<> waiter, std::unique_ptr<TaskScope> *victim)
{
    const Result<> got = co_await waiter.wait(scope);
    if (got)
        victim->reset();
}

}  // namespace

class TurnTest final : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void resumesAtItsEnd();
    void withoutOneTheEventLoopResumes();
    void whatIsMadeReadyAtItsEndComesToo();
    void aScopeThatGoesMeanwhileIsNotTouched();
    void theNextTurnIsAnother();
};

void TurnTest::resumesAtItsEnd()
{
    QStringList log;
    const Waiter<> waiter;
    TaskScope owner;
    owner.start(note(owner, waiter, &log, QStringLiteral("resumed")));
    {
        const Turn turn;
        {
            const Turn inner;
            waiter.resolve({});
            log << QStringLiteral("resolved");
        }
        log << QStringLiteral("inner has ended");
    }
    log << QStringLiteral("ended");
    QCOMPARE(log, QStringList({QStringLiteral("resolved"), QStringLiteral("inner has ended"),
                               QStringLiteral("resumed"), QStringLiteral("ended")}));
}

void TurnTest::withoutOneTheEventLoopResumes()
{
    QStringList log;
    const Waiter<> waiter;
    TaskScope owner;
    owner.start(note(owner, waiter, &log, QStringLiteral("resumed")));
    waiter.resolve({});
    QCOMPARE(log, QStringList());
    QTRY_COMPARE(log, QStringList(QStringLiteral("resumed")));
}

void TurnTest::whatIsMadeReadyAtItsEndComesToo()
{
    QStringList log;
    const Waiter<> first;
    const Waiter<> second;
    TaskScope one;
    TaskScope other;
    one.start(passOn(one, first, second, &log));
    other.start(note(other, second, &log, QStringLiteral("other")));
    one.start(note(one, second, &log, QStringLiteral("own")));
    {
        const Turn turn;
        first.resolve({});
    }
    QCOMPARE(log, QStringList({QStringLiteral("passed on"), QStringLiteral("other"),
                               QStringLiteral("own")}));
}

void TurnTest::aScopeThatGoesMeanwhileIsNotTouched()
{
    QStringList log;
    const Waiter<> waiter;
    auto victim = std::make_unique<TaskScope>();
    TaskScope owner;
    owner.start(remove(owner, waiter, &victim));
    victim->start(note(*victim, waiter, &log, QStringLiteral("ready")));
    victim->start(note(*victim, Waiter<>(), &log, QStringLiteral("waits")));
    {
        const Turn turn;
        waiter.resolve({});
    }
    // What had come is not taken away.
    QCOMPARE(log, QStringList({QStringLiteral("ready"), QStringLiteral("waits cancelled")}));
}

void TurnTest::theNextTurnIsAnother()
{
    QStringList log;
    TaskScope owner;
    for (const auto &name : {QStringLiteral("first"), QStringLiteral("second")}) {
        const Waiter<> waiter;
        owner.start(note(owner, waiter, &log, name));
        const Turn turn;
        waiter.resolve({});
    }
    QCOMPARE(log, QStringList({QStringLiteral("first"), QStringLiteral("second")}));
}

QTEST_GUILESS_MAIN(TurnTest)
#include "tst_turn.moc"
