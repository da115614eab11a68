#include "assets/assetcleaner.h"

#include <QFileInfo>
#include <utility>

#include "assets/partials.h"
#include "async/background.h"
#include "base/crashpoint.h"

namespace celldeck::assets {

using storage::CleanupMode;
using storage::ExpiredAsset;

namespace {

// What is searched for in one pass over the notebooks, and moved before they are searched again.
constexpr int BatchSize = 100;

// A notebook whose whole folder is gone may be on a disk that is not plugged in.
constexpr Milliseconds AbsenceGrace = std::chrono::days(30);

enum class Where {
    InPlace,
    InTrash,
    Nowhere,
    Absent,  ///< Nobody knows: the folder of its notebooks is not there.
};

/// Runs one step on files in the background.
template <class T, class Function>
Waiter<T> onFiles(Function function)
{
    return inBackground<T>([function = std::move(function)]() -> Result<T> { return function(); });
}

Where whereIs(const Presence &presence)
{
    if (presence.inPlace)
        return Where::InPlace;
    if (presence.inTrash)
        return Where::InTrash;
    return Where::Nowhere;
}

bool areAbsent(const QStringList &notebooks)
{
    for (const QString &notebook : notebooks) {
        if (QFileInfo::exists(QFileInfo(notebook).absolutePath()))
            return false;
    }
    return !notebooks.isEmpty();
}

QString parentOf(const QString &asset)
{
    return QFileInfo(QFileInfo(asset).absolutePath()).absolutePath();
}

/// Files that could not be moved, and why.
using Refused = QMap<QString, QString>;

Refused moveAll(const QStringList &paths)
{
    Refused refused;
    for (const QString &path : paths) {
        if (const Result<> moved = moveToTrash(path); !moved)
            refused.insert(path, moved.error().message);
        crashPoint("sweep.moved");
    }
    return refused;
}

/// A file that is gone for good needs no keeping.
Result<> unlessGone(const Result<> &done)
{
    return !done && done.error().code == ErrorCode::NotFound ? Result<>() : done;
}

}  // namespace

struct AssetCleaner::Found
{
    ExpiredAsset asset;
    Where where = Where::Nowhere;
    Presence presence;
};

AssetCleaner::AssetCleaner(storage::LeaseStore &store, LeaseKeeper &leases, QStringList roots,
                           Search search)
    : m_store(store), m_leases(leases), m_roots(std::move(roots)), m_search(std::move(search))
{}

Waiter<SweepReport> AssetCleaner::runOnce(SweepOrder order)
{
    if (std::exchange(m_running, true))
        return Waiter<SweepReport>::resolved(
            fail(ErrorCode::Conflict, QStringLiteral("a sweep of the assets runs already")));
    m_report = {};
    const Waiter<SweepReport> done;
    m_scope.start(sweep(std::move(order), done));
    return done;
}

QCoro::Task<> AssetCleaner::sweep(SweepOrder order, Waiter<SweepReport> done)
{
    const Result<> swept = co_await sweepAll(std::move(order));
    m_running = false;
    done.resolve(swept ? Result<SweepReport>(m_report) : fail(swept.error()));
}

QCoro::Task<Result<>> AssetCleaner::sweepAll(SweepOrder order)
{
    if (order.mode == CleanupMode::Remove) {
        const Waiter<> forgetting = m_store.forgetRecords();
        const Result<> forgotten = co_await forgetting.wait(m_scope);
        if (!forgotten)
            co_return forgotten;
        const Result<> restored = co_await restoreKept();
        if (!restored)
            co_return restored;
    }
    storage::LeaseFilter filter{
        .notebookPath = order.notebookPath, .after = {}, .limit = BatchSize};
    for (;;) {
        const auto finding = m_store.expired(filter, m_leases.now().lease);
        const Result<Assets> batch = co_await finding.wait(m_scope);
        if (!batch)
            co_return fail(batch.error());
        if (batch->isEmpty())
            co_return Result<>{};
        filter.after = batch->last().path;
        const Result<> swept = co_await sweepBatch(order, *batch);
        // A notebook that nobody can read protects all: there is no more to do.
        if (!swept || !m_report.kept.isEmpty())
            co_return swept;
    }
}

/// A sweep was interrupted between its steps, or a lease was renewed meanwhile.
QCoro::Task<Result<>> AssetCleaner::restoreKept()
{
    const auto listing = m_store.folders();
    const Result<QStringList> folders = co_await listing.wait(m_scope);
    if (!folders)
        co_return fail(folders.error());
    const auto looking =
        onFiles<QStringList>([folders = m_folders + QSet<QString>(folders->begin(), folders->end()),
                              now = m_leases.now().wall] {
            QStringList paths;
            for (const QString &folder : folders) {
                removeOldPartials(folder, now);
                paths << pathsInTrash(folder);
            }
            return paths;
        });
    const Result<QStringList> trashed = co_await looking.wait(m_scope);
    if (!trashed)
        co_return fail(trashed.error());
    const auto asking = m_store.kept(*trashed, m_leases.now().lease);
    const Result<QStringList> kept = co_await asking.wait(m_scope);
    if (!kept)
        co_return fail(kept.error());
    for (const QString &path : *kept) {
        const Result<> back = co_await bringBack(path);
        if (!unlessGone(back))
            co_return back;
        ++m_report.restored;
    }
    co_return Result<>{};
}

QCoro::Task<Result<>> AssetCleaner::bringBack(QString asset)
{
    const auto restoring = inBackground<void>([asset]() -> Result<> {
        if (const Result<> restored = restoreFromTrash(asset); !restored)
            return restored;
        if (presenceOf(asset).inPlace)
            return {};
        return fail(ErrorCode::NotFound,
                    QStringLiteral("the file of the asset %1 is gone: the cell that runs again "
                                   "makes it anew")
                        .arg(asset));
    });
    const Result<> restored = co_await restoring.wait(m_scope);
    if (!restored)
        co_return restored;
    crashPoint("sweep.restored");
    const Waiter<> marking = m_store.markRestored(asset);
    co_return co_await marking.wait(m_scope);
}

QCoro::Task<Result<QSet<QByteArray>>> AssetCleaner::searchFor(Assets assets, QStringList referenced)
{
    const auto listing = m_store.notebooks();
    const Result<QStringList> notebooks = co_await listing.wait(m_scope);
    if (!notebooks)
        co_return fail(notebooks.error());
    QSet<QByteArray> stems;
    QSet<QString> folders(m_roots.begin(), m_roots.end());
    for (const ExpiredAsset &asset : assets) {
        stems.insert(stemOf(asset.path));
        folders.insert(parentOf(asset.path));
    }
    const SearchPlaces places{
        .folders = folders.values(), .notebooks = *notebooks, .texts = std::move(referenced)};
    const auto searching = inBackground<QSet<QByteArray>>(
        [search = m_search, stems, places] { return search(stems, places); });
    co_return co_await searching.wait(m_scope);
}

QCoro::Task<Result<>> AssetCleaner::sweepBatch(SweepOrder order, Assets batch)
{
    const UtcTime now = m_leases.now().lease;
    const auto looking = onFiles<QList<Found>>([batch, now] {
        QList<Found> all;
        for (const ExpiredAsset &asset : batch) {
            const Presence presence = presenceOf(asset.path);
            Where where = whereIs(presence);
            if (now - asset.expired < AbsenceGrace && areAbsent(asset.notebooks))
                where = Where::Absent;
            all << Found{asset, where, presence};
        }
        return all;
    });
    const Result<QList<Found>> all = co_await looking.wait(m_scope);
    if (!all)
        co_return fail(all.error());
    const Result<QSet<QByteArray>> named = co_await searchFor(batch, order.referenced);
    if (!named && named.error().code != ErrorCode::Io)
        co_return fail(named.error());
    if (!named) {
        m_report.kept = named.error().message;
        co_return Result<>{};
    }
    QList<Found> unnamed;
    for (const Found &found : *all) {
        if (!named->contains(stemOf(found.asset.path))) {
            unnamed << found;
            continue;
        }
        ++m_report.renewed;
        if (order.mode == CleanupMode::Preview)
            continue;
        const Result<> kept = co_await keepNamed(found);
        if (!kept)
            co_return kept;
    }
    co_return co_await removeUnnamed(order, unnamed);
}

/// First the lease, then the file: so a crash in between is put right by `restoreKept`.
QCoro::Task<Result<>> AssetCleaner::keepNamed(Found found)
{
    const auto renewing = m_leases.renew(found.asset.path);
    const Result<storage::Lease> renewed = co_await renewing.wait(m_scope);
    if (!renewed)
        co_return fail(renewed.error());
    if (!found.presence.inTrash)
        co_return Result<>{};
    crashPoint("sweep.renewed");
    const Result<> back = co_await bringBack(found.asset.path);
    if (back)
        ++m_report.restored;
    co_return unlessGone(back);
}

void AssetCleaner::count(const Found &found)
{
    const bool isDue = found.where == Where::InTrash && found.asset.trashed &&
                       m_leases.now().lease - *found.asset.trashed >= TrashGrace;
    if (found.where == Where::InPlace) {
        ++m_report.assets;
        m_report.bytes += found.presence.bytes;
    } else if (isDue) {
        ++m_report.deleted;
        m_report.deletedBytes += found.presence.bytes;
    }
}

QCoro::Task<Result<>> AssetCleaner::removeUnnamed(SweepOrder order, QList<Found> unnamed)
{
    if (order.mode == CleanupMode::Preview) {
        for (const Found &found : std::as_const(unnamed))
            count(found);
        co_return Result<>{};
    }
    QStringList toMove;
    QList<Found> moved;
    Assets again;
    for (const Found &found : std::as_const(unnamed)) {
        if (found.where == Where::InPlace)
            toMove << found.asset.path;
        // In the trash without a mark: a sweep was interrupted right after the rename.
        if (found.where == Where::InPlace ||
            (found.where == Where::InTrash && !found.asset.trashed)) {
            moved << found;
            again << found.asset;
            continue;
        }
        const Result<> deleted = co_await deleteOne(found);
        if (!deleted)
            co_return deleted;
    }
    if (moved.isEmpty())
        co_return Result<>{};
    const auto moving = onFiles<Refused>([toMove] { return moveAll(toMove); });
    const Result<Refused> refused = co_await moving.wait(m_scope);
    if (!refused)
        co_return fail(refused.error());
    if (!refused->isEmpty())
        m_report.kept = refused->first();
    const Result<QSet<QByteArray>> named = co_await searchFor(again, order.referenced);
    if (!named && named.error().code != ErrorCode::Io)
        co_return fail(named.error());
    if (!named)
        m_report.kept = named.error().message;
    for (const Found &found : std::as_const(moved)) {
        if (refused->contains(found.asset.path))
            continue;
        // Where nobody knows any more what is named, all counts as named.
        const Result<> settled =
            co_await settle(found, order.by, !named || named->contains(stemOf(found.asset.path)));
        if (!settled)
            co_return settled;
    }
    co_return Result<>{};
}

QCoro::Task<Result<>> AssetCleaner::settle(Found found, storage::Actor by, bool isNamed)
{
    if (isNamed) {
        ++m_report.renewed;
        found.presence.inTrash = true;
        co_return co_await keepNamed(found);
    }
    const storage::AuditNote note{.by = std::move(by),
                                  .action = storage::Action::RemoveAsset,
                                  .at = m_leases.now().wall,
                                  .notebookPath = found.asset.notebooks.value(0),
                                  .object = found.asset.path,
                                  .detail = QStringLiteral("to the trash")};
    const Waiter<> marking = m_store.markTrashed(found.asset.path, m_leases.now().lease, note);
    const Result<> marked = co_await marking.wait(m_scope);
    if (!marked && marked.error().code == ErrorCode::Stale) {
        ++m_report.restored;
        const Result<> back = co_await bringBack(found.asset.path);
        co_return unlessGone(back);
    }
    crashPoint("sweep.marked");
    if (marked) {
        ++m_report.assets;
        m_report.bytes += found.presence.bytes;
    }
    co_return marked;
}

QCoro::Task<Result<>> AssetCleaner::deleteOne(Found found)
{
    if (found.where == Where::Absent)
        co_return Result<>{};
    const UtcTime now = m_leases.now().lease;
    if (found.where == Where::InTrash) {
        if (now - *found.asset.trashed < TrashGrace)
            co_return Result<>{};
        // Whether no lease keeps it is asked at the last moment.
        const Waiter<> asking = m_store.markTrashed(found.asset.path, *found.asset.trashed);
        const Result<> free = co_await asking.wait(m_scope);
        if (!free && free.error().code == ErrorCode::Stale)
            co_return Result<>{};
        if (!free)
            co_return free;
        const auto removing =
            inBackground<void>([path = found.asset.path] { return removeFromTrash(path); });
        const Result<> removed = co_await removing.wait(m_scope);
        if (!removed)
            co_return removed;
        ++m_report.deleted;
        m_report.deletedBytes += found.presence.bytes;
        crashPoint("sweep.deleted");
    }
    const Waiter<> forgetting = m_store.forget(found.asset.path, now);
    const Result<> forgotten = co_await forgetting.wait(m_scope);
    if (!forgotten && forgotten.error().code == ErrorCode::Stale)
        co_return Result<>{};  // It was made anew meanwhile.
    co_return forgotten;
}

}  // namespace celldeck::assets
