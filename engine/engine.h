#pragma once

#include <QObject>
#include <memory>

#include "async/waiter.h"
#include "engine/feed.h"
#include "storage/taskcleaner.h"
#include "tasks/recovery.h"

namespace celldeck::assets {
class AssetCleaner;
}
namespace celldeck::storage {
class TaskStore;
}
namespace celldeck::tasks {
class TaskQueue;
}

namespace celldeck {

/// Where outputs go that are too big to be shown whole.
enum class BigOutputs {
    ToAssets,  ///< Files that agents and people can read a part of
    InRecord,  ///< Stay in the record and in the notebook; only what is printed and too long for
               ///< memory becomes a file, in the data folder and not beside the notebook.
};

struct EngineOptions
{
    QString dataDirectory;  ///< Made if need be. One engine at a time uses it.
    QString workspace;      ///< Where tools may read and write
    tasks::Recovery recovery = tasks::Recovery::Run;
    int maxKernels = 32;
    std::optional<Milliseconds> cullIdle;  ///< Ends kernels that had nothing to do for so long.
    bool endpoint = true;
    QString host = QStringLiteral("127.0.0.1");
    quint16 port = 8431;      ///< 0: any free one
    QString assetsDirectory;  ///< "": `assets/` beside each notebook
    BigOutputs bigOutputs = BigOutputs::ToAssets;
    /// What is older is removed once a day, and what is too much when it has become too much.
    storage::Retention retention{.largestBytes = 1LL << 30U};
    QByteArray token;  ///< "": the one kept in the data folder, made at the first start
};

/// All of the engine: makes its parts in their order and owns them. Has no behaviour of its own.
///
/// Thread: the one that made it, with a Qt event loop; `feed()` may be used from any.
/// Stopping: `stop()`, bottom up reversed: the endpoint closes, what runs ends as interrupted, all
/// that was accepted is on disk, kernels end. The destructor without it loses nothing either, but
/// leaves running tasks to the next start.
class Engine final : public QObject
{
    Q_OBJECT

public:
    explicit Engine(const EngineOptions &options);
    ~Engine() override;

    /// Fails with StorageUnavailable or NewerSchema. An endpoint that cannot open is no failure of
    /// the engine: see `endpoint()`.
    [[nodiscard]] Waiter<> start();
    [[nodiscard]] Waiter<> stop();

    [[nodiscard]] EndpointStatus endpoint() const;
    [[nodiscard]] Feed &feed();
    [[nodiscard]] tasks::TaskQueue &queue();
    [[nodiscard]] storage::TaskStore &store();
    [[nodiscard]] storage::TaskCleaner &cleaner();
    [[nodiscard]] assets::AssetCleaner &assetCleaner();
    [[nodiscard]] const Clock &clock() const;

private:
    QCoro::Task<> open(Waiter<> started);
    QCoro::Task<> close(Waiter<> stopped);
    void openEndpoint();

    struct Parts;
    std::unique_ptr<Parts> d;
    TaskScope m_scope;
};

/// Where the database of a data folder is.
[[nodiscard]] QString databaseFile(const QString &dataDirectory);
/// The lock file of a data folder: whoever has it hosts the folder. See LockFile.
[[nodiscard]] QString hostLockFile(const QString &dataDirectory);

}  // namespace celldeck
