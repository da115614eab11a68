#include "storage/leasestore.h"

#include "storage/auditsql.h"
#include "storage/database.h"
#include "storage/notebookrow.h"

namespace celldeck::storage {

namespace {

// Names in the table `setting`.
const QString ClockOffset = QStringLiteral("lease_offset");
const QString ClockSeen = QStringLiteral("lease_seen");

// The order of the columns is the one that `leaseOf` reads.
const QString Leases = QStringLiteral(
    "SELECT a.path, n.path, a.bytes, l.created, l.last_seen, l.expires FROM asset a"
    " JOIN lease l ON l.asset = a.id JOIN notebook n ON n.id = l.notebook ");

const QString NoLeaseKeeps = QStringLiteral(
    " NOT EXISTS (SELECT 1 FROM lease WHERE asset = asset.id AND expires > ?)"
    " AND NOT EXISTS (SELECT 1 FROM recorded r JOIN task t ON t.id = r.task"
    " WHERE r.asset = asset.id)");

/// A null string would be SQL's NULL, with which nothing compares.
QString bound(const QString &text)
{
    return text.isNull() ? QStringLiteral("") : text;
}

qlonglong number(UtcTime time)
{
    return time.time_since_epoch().count();
}

UtcTime time(std::int64_t number)
{
    return UtcTime(Milliseconds(number));
}

Lease leaseOf(const Row &row)
{
    return {.asset = row.text(0),
            .notebookPath = row.text(1),
            .bytes = row.integer(2),
            .createdAt = time(row.integer(3)),
            .lastSeen = time(row.integer(4)),
            .expires = time(row.integer(5))};
}

Result<> asResult(const Result<int> &changed)
{
    if (!changed)
        return fail(changed.error());
    return {};
}

std::unexpected<Error> notLeased(const QString &asset)
{
    return fail(ErrorCode::NotFound,
                QStringLiteral("there is no asset %1: list_leases tells those that there are, and "
                               "a cell that runs again makes its own anew")
                    .arg(asset));
}

Result<std::int64_t> assetRow(Connection &connection, const LeaseGrant &grant)
{
    const auto made =
        connection.run(QStringLiteral("INSERT INTO asset(path, bytes) VALUES(?, ?)"
                                      " ON CONFLICT(path) DO UPDATE SET bytes = excluded.bytes,"
                                      " trashed = NULL"),
                       {grant.asset, qlonglong(grant.bytes)});
    if (!made)
        return fail(made.error());
    return connection.number(QStringLiteral("SELECT id FROM asset WHERE path = ?"), {grant.asset});
}

Result<> grantOne(Connection &connection, const LeaseGrant &grant, LeaseMoment now, UtcTime expires)
{
    const auto notebook = notebookRow(connection, grant.notebookPath);
    if (!notebook)
        return fail(notebook.error());
    const auto asset = assetRow(connection, grant);
    if (!asset)
        return fail(asset.error());
    const auto leased = connection.run(
        QStringLiteral("INSERT INTO lease(asset, notebook, last_seen, expires, created)"
                       " VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                       " SET last_seen = excluded.last_seen,"
                       " expires = max(expires, excluded.expires)"),
        {qlonglong(*asset), qlonglong(*notebook), number(now.wall), number(expires),
         number(now.wall)});
    if (!leased)
        return fail(leased.error());
    if (!grant.recordOf)
        return {};
    return asResult(connection.run(QStringLiteral("INSERT INTO recorded(task, asset) VALUES(?, ?)"
                                                  " ON CONFLICT DO NOTHING"),
                                   {qlonglong(grant.recordOf.value()), qlonglong(*asset)}));
}

Result<Lease> findLease(Connection &connection, const QString &name)
{
    std::optional<Lease> found;
    const QString end = QLatin1Char('/') + name;
    const auto take = [&found](const Row &row) { found = leaseOf(row); };
    const QString last = QStringLiteral(" ORDER BY l.expires DESC LIMIT 1");
    const Result<> read =
        name.contains(QLatin1Char('/'))
            ? connection.query(Leases + QStringLiteral("WHERE a.path = ?") + last, {name}, take)
            // The end of a path, behind a slash.
            : connection.query(
                  Leases + QStringLiteral("WHERE substr(a.path, -length(?)) = ?") + last,
                  {end, end}, take);
    if (!read)
        return fail(read.error());
    if (!found)
        return notLeased(name);
    return *found;
}

Result<Lease> changeExpiry(Connection &connection, const QString &asset, LeaseMoment now,
                           const QString &expression, UtcTime expires,
                           const std::optional<AuditNote> &note)
{
    const auto changed =
        connection.run(QStringLiteral("UPDATE lease SET last_seen = ?, expires = %1"
                                      " WHERE asset = (SELECT id FROM asset WHERE path = ?)")
                           .arg(expression),
                       {number(now.wall), number(expires), asset});
    if (!changed)
        return fail(changed.error());
    if (*changed == 0)
        return notLeased(asset);
    if (const Result<> noted = note ? sql::record(connection, *note) : Result<>(); !noted)
        return fail(noted.error());
    return findLease(connection, asset);
}

Result<QStringList> texts(Connection &connection, const QString &sql)
{
    QStringList all;
    const Result<> read = connection.query(sql, {}, [&all](const Row &row) { all << row.text(0); });
    if (!read)
        return fail(read.error());
    return all;
}

Result<> fenced(const Result<int> &changed, const QString &asset)
{
    if (!changed)
        return fail(changed.error());
    if (*changed == 0)
        return fail(ErrorCode::Stale, QStringLiteral("%1 is kept by a lease").arg(asset));
    return {};
}

Result<> forgetAsset(Connection &connection, const QString &asset, UtcTime leaseNow)
{
    const auto free =
        connection.number(QStringLiteral("SELECT id FROM asset WHERE path = ? AND") + NoLeaseKeeps,
                          {asset, number(leaseNow)});
    if (!free)
        return fail(free.error());
    if (*free == 0)
        return fail(ErrorCode::Stale, QStringLiteral("%1 is kept by a lease").arg(asset));
    for (const char *sql :
         {"DELETE FROM recorded WHERE asset = ?", "DELETE FROM lease WHERE asset = ?",
          "DELETE FROM asset WHERE id = ?"}) {
        const auto gone = connection.run(QString::fromLatin1(sql), {qlonglong(*free)});
        if (!gone)
            return fail(gone.error());
    }
    return {};
}

Result<QList<ExpiredAsset>> expiredAssets(Connection &connection, const LeaseFilter &filter,
                                          UtcTime leaseNow)
{
    QList<ExpiredAsset> assets;
    const QString notebook = bound(filter.notebookPath);
    // char(10) stands in no path of ours that is worth the trouble; a notebook's may have one, and
    // is then looked for in vain, which keeps its assets.
    const Result<> read = connection.query(
        QStringLiteral("SELECT path, bytes, trashed,"
                       " (SELECT max(expires) FROM lease WHERE asset = asset.id),"
                       " (SELECT group_concat(n.path, char(10)) FROM lease l"
                       "  JOIN notebook n ON n.id = l.notebook WHERE l.asset = asset.id)"
                       " FROM asset WHERE path > ? AND") +
            NoLeaseKeeps +
            QStringLiteral(" AND (? = '' OR EXISTS (SELECT 1 FROM lease l JOIN notebook n"
                           " ON n.id = l.notebook WHERE l.asset = asset.id AND n.path = ?))"
                           " ORDER BY path LIMIT ?"),
        {bound(filter.after), number(leaseNow), notebook, notebook, filter.limit},
        [&assets](const Row &row) {
            ExpiredAsset asset;
            asset.path = row.text(0);
            asset.bytes = row.integer(1);
            if (!row.isNull(2))
                asset.trashed = time(row.integer(2));
            asset.expired = time(row.integer(3));
            asset.notebooks = row.text(4).split(QLatin1Char('\n'), Qt::SkipEmptyParts);
            assets << asset;
        });
    if (!read)
        return fail(read.error());
    return assets;
}

}  // namespace

Waiter<> LeaseStore::grant(QList<LeaseGrant> grants, LeaseMoment now, UtcTime expires)
{
    return m_database.write<void>(
        [grants = std::move(grants), now, expires](Connection &connection) -> Result<> {
            for (const LeaseGrant &one : grants) {
                if (const Result<> granted = grantOne(connection, one, now, expires); !granted)
                    return granted;
            }
            return {};
        });
}

Waiter<int> LeaseStore::renewNotebook(QString notebookPath, LeaseMoment now, UtcTime expires)
{
    return m_database.write<int>(
        [path = std::move(notebookPath), now, expires](Connection &connection) {
            return connection.run(
                QStringLiteral("UPDATE lease SET last_seen = ?, expires = max(expires, ?)"
                               " WHERE notebook = (SELECT id FROM notebook WHERE path = ?)"
                               " AND expires > ?"),
                {number(now.wall), number(expires), path, number(now.lease)});
        });
}

Waiter<Lease> LeaseStore::renew(QString asset, LeaseMoment now, UtcTime expires,
                                std::optional<AuditNote> note)
{
    return m_database.write<Lease>(
        [asset = std::move(asset), now, expires, note = std::move(note)](Connection &connection) {
            return changeExpiry(connection, asset, now, QStringLiteral("max(expires, ?)"), expires,
                                note);
        });
}

Waiter<Lease> LeaseStore::setExpiry(QString asset, LeaseMoment now, UtcTime expires,
                                    std::optional<AuditNote> note)
{
    return m_database.write<Lease>(
        [asset = std::move(asset), now, expires, note = std::move(note)](Connection &connection) {
            return changeExpiry(connection, asset, now, QStringLiteral("?"), expires, note);
        });
}

Waiter<Lease> LeaseStore::find(QString name)
{
    return m_database.read<Lease>(
        [name = std::move(name)](Connection &connection) { return findLease(connection, name); });
}

Waiter<QList<Lease>> LeaseStore::list(LeaseFilter filter)
{
    return m_database.read<QList<Lease>>([filter = std::move(filter)](Connection &connection) {
        return sql::leases(connection, filter);
    });
}

Waiter<QList<ExpiredAsset>> LeaseStore::expired(LeaseFilter filter, UtcTime leaseNow)
{
    return m_database.read<QList<ExpiredAsset>>(
        [filter = std::move(filter), leaseNow](Connection &connection) {
            return expiredAssets(connection, filter, leaseNow);
        });
}

Waiter<QStringList> LeaseStore::folders()
{
    // What is left when all that is not a slash is taken from the end.
    return m_database.read<QStringList>([](Connection &connection) {
        return texts(connection,
                     QStringLiteral("SELECT DISTINCT rtrim(path, replace(path, '/', ''))"
                                    " FROM asset"));
    });
}

Waiter<QStringList> LeaseStore::notebooks()
{
    return m_database.read<QStringList>([](Connection &connection) {
        return texts(connection, QStringLiteral("SELECT path FROM notebook"));
    });
}

Waiter<QStringList> LeaseStore::kept(QStringList paths, UtcTime leaseNow)
{
    return m_database.read<QStringList>(
        [paths = std::move(paths), leaseNow](Connection &connection) -> Result<QStringList> {
            QStringList all;
            for (const QString &path : paths) {
                const auto is = connection.number(
                    QStringLiteral("SELECT count(*) FROM asset WHERE path = ? AND NOT (") +
                        NoLeaseKeeps + QLatin1Char(')'),
                    {path, number(leaseNow)});
                if (!is)
                    return fail(is.error());
                if (*is > 0)
                    all << path;
            }
            return all;
        });
}

Waiter<> LeaseStore::markTrashed(QString asset, UtcTime leaseNow, std::optional<AuditNote> note)
{
    return m_database.write<void>([asset = std::move(asset), leaseNow,
                                   note = std::move(note)](Connection &connection) -> Result<> {
        const Result<> marked = fenced(
            connection.run(
                QStringLiteral("UPDATE asset SET trashed = ? WHERE path = ? AND") + NoLeaseKeeps,
                {number(leaseNow), asset, number(leaseNow)}),
            asset);
        return marked && note ? sql::record(connection, *note) : marked;
    });
}

Waiter<> LeaseStore::markRestored(QString asset)
{
    return m_database.write<void>([asset = std::move(asset)](Connection &connection) {
        return asResult(connection.run(
            QStringLiteral("UPDATE asset SET trashed = NULL WHERE path = ?"), {asset}));
    });
}

Waiter<> LeaseStore::forget(QString asset, UtcTime leaseNow)
{
    return m_database.write<void>([asset = std::move(asset), leaseNow](Connection &connection) {
        return forgetAsset(connection, asset, leaseNow);
    });
}

Waiter<> LeaseStore::forgetRecords()
{
    return m_database.write<void>([](Connection &connection) {
        return asResult(connection.run(
            QStringLiteral("DELETE FROM recorded WHERE task NOT IN (SELECT id FROM task)")));
    });
}

Waiter<LeaseClockState> LeaseStore::loadClock()
{
    return m_database.read<LeaseClockState>(sql::leaseClock);
}

Waiter<> LeaseStore::saveClock(LeaseClockState state)
{
    return m_database.write<void>([state](Connection &connection) -> Result<> {
        const QString set = QStringLiteral(
            "INSERT INTO setting(name, value) VALUES(?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value");
        const auto offset = connection.run(set, {ClockOffset, qlonglong(state.offset.count())});
        if (!offset)
            return fail(offset.error());
        return asResult(connection.run(set, {ClockSeen, number(state.seen.value_or(UtcTime{}))}));
    });
}

namespace sql {

Result<QList<Lease>> leases(Connection &connection, const LeaseFilter &filter)
{
    QList<Lease> all;
    const QString notebook = bound(filter.notebookPath);
    const Result<> read =
        connection.query(Leases + QStringLiteral("WHERE a.path > ? AND (? = '' OR n.path = ?)"
                                                 " ORDER BY a.path, n.path LIMIT ?"),
                         {bound(filter.after), notebook, notebook, filter.limit},
                         [&all](const Row &row) { all << leaseOf(row); });
    if (!read)
        return fail(read.error());
    return all;
}

Result<LeaseClockState> leaseClock(Connection &connection)
{
    LeaseClockState state;
    const Result<> read =
        connection.query(QStringLiteral("SELECT name, value FROM setting WHERE name IN (?, ?)"),
                         {ClockOffset, ClockSeen}, [&state](const Row &row) {
                             if (row.text(0) == ClockOffset)
                                 state.offset = Milliseconds(row.integer(1));
                             else
                                 state.seen = time(row.integer(1));
                         });
    if (!read)
        return fail(read.error());
    return state;
}

}  // namespace sql

}  // namespace celldeck::storage
