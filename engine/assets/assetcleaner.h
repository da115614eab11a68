#pragma once

#include "assets/assetfolder.h"
#include "assets/leasekeeper.h"
#include "assets/references.h"
#include "storage/taskcleaner.h"

namespace celldeck::assets {

/// How long a removed file waits in the trash, by the lease clock.
inline constexpr Milliseconds TrashGrace = std::chrono::hours(24);

struct SweepOrder
{
    QString notebookPath;    ///< Only what was made for it; "": all
    QStringList referenced;  ///< Texts that may name assets, e.g. of a buffer that is not saved yet
    storage::CleanupMode mode = storage::CleanupMode::Remove;
    storage::Actor by = {};  ///< whom the audit log names
};

/// What a sweep has done; in a preview: what it would do.
struct SweepReport
{
    std::int64_t assets = 0;   ///< moved to the trash
    std::int64_t bytes = 0;    ///< of them
    std::int64_t deleted = 0;  ///< from the trash, after the grace
    std::int64_t deletedBytes = 0;
    std::int64_t renewed = 0;   ///< expired, but a notebook names them
    std::int64_t restored = 0;  ///< of the trash
    /// Why some that are due were not removed: a notebook that cannot be read protects all, a
    /// folder that cannot be written its own.
    QString kept;
};

/// Removes assets that no lease keeps, no task's record needs and no notebook names, as the files
/// are at that moment. What it does not find in the database is somebody else's, and stays.
///
/// A file goes to the trash by one rename; then the notebooks are searched again, and it comes back
/// if one names it by now. Only then, and only if still no lease keeps it, the database has it as
/// trash. After a grace it is deleted, and its row after that. So the database knows every file
/// that may be left, whenever the engine dies, and the next sweep goes on from what it finds.
///
/// Owned by the engine. Thread: the engine's; files are touched in the background. Stopping: with
/// its owner, after the step that it is in.
class AssetCleaner final
{
public:
    /// `roots`: folders besides those of the assets' own notebooks whose notebooks may name some.
    AssetCleaner(storage::LeaseStore &store, LeaseKeeper &leases, QStringList roots,
                 Search search = namedIn);

    /// A folder where files may have been left though no asset was ever there.
    void lookInto(const QString &folder) { m_folders.insert(folder); }

    /// One pass over all that is due, in batches. Fails with StorageUnavailable or Io, or with
    /// Conflict while one runs.
    [[nodiscard]] Waiter<SweepReport> runOnce(SweepOrder order);
    /// Back from the trash, after its lease was renewed. Fails with Io, or NotFound if the file is
    /// gone for good.
    [[nodiscard]] QCoro::Task<Result<>> bringBack(QString asset);

private:
    struct Found;
    using Assets = QList<storage::ExpiredAsset>;

    QCoro::Task<> sweep(SweepOrder order, Waiter<SweepReport> done);
    QCoro::Task<Result<>> sweepAll(SweepOrder order);
    QCoro::Task<Result<>> restoreKept();
    QCoro::Task<Result<>> sweepBatch(SweepOrder order, Assets batch);
    QCoro::Task<Result<>> keepNamed(Found found);
    QCoro::Task<Result<>> removeUnnamed(SweepOrder order, QList<Found> unnamed);
    QCoro::Task<Result<>> settle(Found found, storage::Actor by, bool isNamed);
    QCoro::Task<Result<>> deleteOne(Found found);
    QCoro::Task<Result<QSet<QByteArray>>> searchFor(Assets assets, QStringList referenced);
    void count(const Found &found);

    storage::LeaseStore &m_store;
    LeaseKeeper &m_leases;
    const QStringList m_roots;
    QSet<QString> m_folders;
    const Search m_search;
    bool m_running = false;
    SweepReport m_report;
    TaskScope m_scope;
};

}  // namespace celldeck::assets
