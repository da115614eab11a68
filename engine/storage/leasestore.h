#pragma once

#include <QList>
#include <QStringList>

#include "async/waiter.h"
#include "storage/audit.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

class Connection;
class Database;

/// Both clocks at one moment: people are told the wall's time, leases run by the lease clock (see
/// assets/leaseclock.h).
struct LeaseMoment
{
    UtcTime wall{};
    UtcTime lease{};
};

/// The lease of a pinned asset ends then: never.
inline constexpr UtcTime PinnedUntil = std::chrono::sys_days{std::chrono::year{9000} / 1 / 1};

/// What keeps a file: one for each notebook that it was made for. Crosses threads by value.
struct Lease
{
    QString asset;         ///< path of the file
    QString notebookPath;  ///< whose output it holds
    qint64 bytes = 0;
    UtcTime createdAt{};  ///< of the first lease for this notebook; a renewal keeps it
    UtcTime lastSeen{};   ///< wall's time of the last renewal
    UtcTime expires{};    ///< by the lease clock

    [[nodiscard]] bool isPinned() const { return expires >= PinnedUntil; }
    bool operator==(const Lease &) const = default;
};

/// A new file for a notebook.
struct LeaseGrant
{
    QString asset;
    QString notebookPath;
    qint64 bytes = 0;
    TaskId recordOf;  ///< The task whose record names it, or none

    bool operator==(const LeaseGrant &) const = default;
};

struct LeaseFilter
{
    QString notebookPath;  ///< "": all
    QString after;         ///< Only assets behind this path: the cursor of the next page
    int limit = 1'000;
};

/// A file that no lease keeps any more, or one in the trash.
struct ExpiredAsset
{
    QString path;
    QStringList notebooks;  ///< for which it was made
    qint64 bytes = 0;
    UtcTime expired{};               ///< the end of its last lease, by the lease clock
    std::optional<UtcTime> trashed;  ///< when, by the lease clock

    bool operator==(const ExpiredAsset &) const = default;
};

/// Where the lease clock was when it was last looked at.
struct LeaseClockState
{
    Milliseconds offset{0};       ///< by which it is behind the wall's
    std::optional<UtcTime> seen;  ///< the wall's time then; none: it was never looked at

    bool operator==(const LeaseClockState &) const = default;
};

/// Assets and their leases on disk. What of them lies in which folder is not its business.
///
/// Owned by the engine. Thread: the one that made it; waiters resolve there, after the commit.
/// Stopping: with its Database. Every call fails with StorageUnavailable when the disk refuses. A
/// note goes into the audit log with the change, where somebody has asked for it.
class LeaseStore final
{
public:
    explicit LeaseStore(Database &database) : m_database(database) {}

    /// New leases, or old ones renewed; what was in the trash counts as back.
    [[nodiscard]] Waiter<> grant(QList<LeaseGrant> grants, LeaseMoment now, UtcTime expires);
    /// Those of a notebook that have not expired live until then at least; returns how many.
    [[nodiscard]] Waiter<int> renewNotebook(QString notebookPath, LeaseMoment now, UtcTime expires);
    /// All leases of an asset live until then at least, also those that had expired. NotFound.
    [[nodiscard]] Waiter<Lease> renew(QString asset, LeaseMoment now, UtcTime expires,
                                      std::optional<AuditNote> note = {});
    /// All leases of an asset end exactly then: at once to release it, at PinnedUntil to pin it.
    /// Fails with NotFound.
    [[nodiscard]] Waiter<Lease> setExpiry(QString asset, LeaseMoment now, UtcTime expires,
                                          std::optional<AuditNote> note = {});

    /// The lease of an asset that ends last. `name`: path, or file name alone. Fails with NotFound.
    [[nodiscard]] Waiter<Lease> find(QString name);
    /// In the order of their paths.
    [[nodiscard]] Waiter<QList<Lease>> list(LeaseFilter filter);
    /// Files that neither a lease nor a task's record keeps, in the order of their paths.
    [[nodiscard]] Waiter<QList<ExpiredAsset>> expired(LeaseFilter filter, UtcTime leaseNow);
    [[nodiscard]] Waiter<QStringList> folders();    ///< Where assets are, each ending with '/'
    [[nodiscard]] Waiter<QStringList> notebooks();  ///< All that the database knows

    /// Those of them that are assets which a lease or a task's record keeps.
    [[nodiscard]] Waiter<QStringList> kept(QStringList paths, UtcTime leaseNow);
    /// Fails with Stale if a lease or a task's record keeps it now.
    [[nodiscard]] Waiter<> markTrashed(QString asset, UtcTime leaseNow,
                                       std::optional<AuditNote> note = {});
    [[nodiscard]] Waiter<> markRestored(QString asset);
    /// Fails as `markTrashed` does.
    [[nodiscard]] Waiter<> forget(QString asset, UtcTime leaseNow);
    /// Tasks that are gone name nothing any more.
    [[nodiscard]] Waiter<> forgetRecords();

    [[nodiscard]] Waiter<LeaseClockState> loadClock();
    [[nodiscard]] Waiter<> saveClock(LeaseClockState state);

private:
    Database &m_database;
};

namespace sql {

/// As LeaseStore's, for whoever has the connection. `expires` is told by the lease clock.
[[nodiscard]] Result<QList<Lease>> leases(Connection &connection, const LeaseFilter &filter);
[[nodiscard]] Result<LeaseClockState> leaseClock(Connection &connection);

}  // namespace sql

}  // namespace celldeck::storage
