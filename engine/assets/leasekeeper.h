#pragma once

#include <QHash>
#include <QObject>

#include "assets/leaseclock.h"
#include "async/taskscope.h"
#include "async/waiter.h"

namespace celldeck::assets {

/// How long an asset is kept that nobody asks for: CONTRACT.md section 7.
inline constexpr Milliseconds LeasePeriod = std::chrono::hours(24);

/// Grants leases and renews them: when their notebook is saved or read, or when somebody asks.
/// Keeps the clock that they run by, and looks at it once a minute.
///
/// Owned by the engine. Thread: the engine's. Stopping: `stop()` writes down where the clock is;
/// without it, leases live longer by an hour at most.
class LeaseKeeper final : public QObject
{
    Q_OBJECT

public:
    LeaseKeeper(storage::LeaseStore &store, const Clock &clock);

    /// Requires: called once, before all else. Fails with StorageUnavailable.
    [[nodiscard]] Waiter<> start();
    [[nodiscard]] Waiter<> stop();

    [[nodiscard]] storage::LeaseMoment now() const { return m_clock.now(); }
    /// What people are told of a time by the lease clock.
    [[nodiscard]] UtcTime wallTime(UtcTime leaseTime) const;

    [[nodiscard]] Waiter<> grant(QList<storage::LeaseGrant> grants,
                                 Milliseconds period = LeasePeriod);
    /// A notebook was saved or read: its living leases begin anew, once an hour at most.
    void touch(const QString &notebookPath);

    /// Whom the audit log names; nobody where it is the engine's own business.
    using MaybeActor = std::optional<storage::Actor>;
    /// Of one asset, by its path; each fails with NotFound. A renewal brings back what had expired.
    [[nodiscard]] Waiter<storage::Lease> renew(QString asset, MaybeActor by = {});
    /// Ends it at once: the file goes with the next sweep, unless a notebook names it.
    [[nodiscard]] Waiter<storage::Lease> release(QString asset, MaybeActor by = {});
    /// It never expires, until it is released; or, to end that, renewed for the usual time.
    [[nodiscard]] Waiter<storage::Lease> pin(QString asset, MaybeActor by = {});
    [[nodiscard]] Waiter<storage::Lease> unpin(QString asset, MaybeActor by = {});

    /// Looks at the clock, and writes down where it is if it was set, or not for an hour.
    [[nodiscard]] Waiter<> runOnce();

Q_SIGNALS:
    void failed(const QString &message);

private:
    [[nodiscard]] std::optional<storage::AuditNote> noteOf(storage::Action action,
                                                           const QString &asset,
                                                           MaybeActor by) const;
    QCoro::Task<> open(Waiter<> started);
    QCoro::Task<> watchClock();
    QCoro::Task<> renewNotebook(QString notebookPath);

    storage::LeaseStore &m_store;
    LeaseClock m_clock;
    storage::LeaseClockState m_kept;
    QHash<QString, UtcTime> m_touched;  // by the lease clock
    TaskScope m_scope;
};

}  // namespace celldeck::assets
