#include "assets/leasekeeper.h"

#include "async/sleep.h"

namespace celldeck::assets {

using storage::Lease;

namespace {

// A look costs nothing; a jump is in the database, where operators read, after this time.
constexpr Milliseconds LookInterval = std::chrono::minutes(1);
// Of a clock that nobody sets: what a crash may add to all leases.
constexpr Milliseconds KeepInterval = std::chrono::hours(1);
// Slower than a jump is the correction of a clock by the network.
constexpr Milliseconds Jump = std::chrono::seconds(2);
constexpr Milliseconds TouchInterval = std::chrono::hours(1);

}  // namespace

LeaseKeeper::LeaseKeeper(storage::LeaseStore &store, const Clock &clock)
    : m_store(store), m_clock(clock)
{}

Waiter<> LeaseKeeper::start()
{
    const Waiter<> started;
    m_scope.start(open(started));
    return started;
}

QCoro::Task<> LeaseKeeper::open(Waiter<> started)
{
    const auto loading = m_store.loadClock();
    const Result<storage::LeaseClockState> state = co_await loading.wait(m_scope);
    if (!state) {
        started.resolve(fail(state.error()));
        co_return;
    }
    m_clock.resume(*state);
    const Waiter<> keeping = runOnce();
    const Result<> kept = co_await keeping.wait(m_scope);
    if (kept)
        m_scope.start(watchClock());
    started.resolve(kept);
}

QCoro::Task<> LeaseKeeper::watchClock()
{
    for (;;) {
        const Result<> slept = co_await sleepFor(m_scope, LookInterval);
        if (!slept)
            co_return;
        const Waiter<> keeping = runOnce();
        const Result<> kept = co_await keeping.wait(m_scope);
        if (!kept && kept.error().code != ErrorCode::Cancelled)
            Q_EMIT failed(kept.error().message);
    }
}

Waiter<> LeaseKeeper::runOnce()
{
    const storage::LeaseClockState state = m_clock.state();
    const auto since = m_kept.seen ? *state.seen - *m_kept.seen : KeepInterval;
    if (std::chrono::abs(state.offset - m_kept.offset) < Jump && since >= Milliseconds(0) &&
        since < KeepInterval)
        return Waiter<>::resolved({});
    m_kept = state;
    return m_store.saveClock(state);
}

Waiter<> LeaseKeeper::stop()
{
    m_kept = m_clock.state();
    return m_store.saveClock(m_kept);
}

UtcTime LeaseKeeper::wallTime(UtcTime leaseTime) const
{
    return leaseTime >= storage::PinnedUntil ? leaseTime : leaseTime + m_clock.state().offset;
}

Waiter<> LeaseKeeper::grant(QList<storage::LeaseGrant> grants, Milliseconds period)
{
    return m_store.grant(std::move(grants), now(), now().lease + period);
}

void LeaseKeeper::touch(const QString &notebookPath)
{
    const auto last = m_touched.constFind(notebookPath);
    if (last != m_touched.constEnd() && now().lease - *last < TouchInterval)
        return;
    m_touched.insert(notebookPath, now().lease);
    m_scope.start(renewNotebook(notebookPath));
}

QCoro::Task<> LeaseKeeper::renewNotebook(QString notebookPath)
{
    const auto renewing = m_store.renewNotebook(notebookPath, now(), now().lease + LeasePeriod);
    const Result<int> renewed = co_await renewing.wait(m_scope);
    if (renewed || renewed.error().code == ErrorCode::Cancelled)
        co_return;
    m_touched.remove(notebookPath);  // The next time it is tried again.
    Q_EMIT failed(renewed.error().message);
}

std::optional<storage::AuditNote> LeaseKeeper::noteOf(storage::Action action, const QString &asset,
                                                      MaybeActor by) const
{
    if (!by)
        return std::nullopt;
    return storage::AuditNote{
        .by = std::move(*by), .action = action, .at = now().wall, .object = asset};
}

Waiter<Lease> LeaseKeeper::renew(QString asset, MaybeActor by)
{
    auto note = noteOf(storage::Action::RenewLease, asset, std::move(by));
    return m_store.renew(std::move(asset), now(), now().lease + LeasePeriod, std::move(note));
}

Waiter<Lease> LeaseKeeper::release(QString asset, MaybeActor by)
{
    auto note = noteOf(storage::Action::ReleaseLease, asset, std::move(by));
    return m_store.setExpiry(std::move(asset), now(), now().lease, std::move(note));
}

Waiter<Lease> LeaseKeeper::pin(QString asset, MaybeActor by)
{
    auto note = noteOf(storage::Action::PinAsset, asset, std::move(by));
    return m_store.setExpiry(std::move(asset), now(), storage::PinnedUntil, std::move(note));
}

Waiter<Lease> LeaseKeeper::unpin(QString asset, MaybeActor by)
{
    auto note = noteOf(storage::Action::RenewLease, asset, std::move(by));
    return m_store.setExpiry(std::move(asset), now(), now().lease + LeasePeriod, std::move(note));
}

}  // namespace celldeck::assets
