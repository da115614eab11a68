#pragma once

#include <QHash>

#include "assets/bigoutputs.h"
#include "assets/leasekeeper.h"

namespace celldeck::assets {

/// Outputs whose big parts are in files.
struct HandedOver
{
    Json shown = Json::array();   ///< for people and agents
    Json record = Json::array();  ///< for the task's record
    Json whole = Json::array();   ///< all; what was in a file before is there still
    QStringList partials = {};    ///< to be removed when the record is on disk
    bool isCut = false;           ///< The record has less than there was.
};

/// What becomes a file.
enum class Takes {
    BigParts,   ///< whatever people and agents cannot be shown whole
    LongTexts,  ///< only what is in a file already, since it was too long for memory
};

struct AssetOptions
{
    QString directory = {};  ///< the folder of all assets; "": `assets/` beside each notebook
    Takes takes = Takes::BigParts;
    /// Where texts go that are too long for memory if that folder cannot be used; "": nowhere.
    QString secondDirectory = {};
};

/// Puts big outputs into files, beside their notebook or in one folder, named by their content. The
/// lease is on disk before the file, and the file before whatever names it.
///
/// Owned by the engine. Thread: the engine's; files are written in the background. Stopping: with
/// its owner; a file that is begun is finished or not there, and then nothing names it.
class AssetStore final
{
public:
    AssetStore(LeaseKeeper &leases, AssetOptions options);

    /// Whether `handOver` may have something to do with these outputs, as JSON: a look at the
    /// bytes.
    [[nodiscard]] bool mayTake(const QByteArray &outputs) const;
    /// Leases what is there already anew. `recordOf`: the task whose record they are, or none.
    /// Fails with Io (no room, no right to write), OutsideWorkspace (the folder is a link) or
    /// StorageUnavailable; the outputs are then to be kept as they are.
    [[nodiscard]] Waiter<HandedOver> handOver(QString notebookPath, Json outputs,
                                              storage::TaskId recordOf);

    /// A notebook was saved: see LeaseKeeper.
    void touch(const QString &notebookPath) { m_leases.touch(notebookPath); }

    [[nodiscard]] const QString &directory() const { return m_options.directory; }
    /// Where texts go that are too long for memory; "": they stay there, since it cannot be used.
    [[nodiscard]] QString spoolFolderFor(const QString &notebookPath) const;

private:
    [[nodiscard]] QString folderFor(const QString &notebookPath) const;
    QCoro::Task<> keep(QString notebookPath, Json outputs, storage::TaskId recordOf,
                       Waiter<HandedOver> done);

    LeaseKeeper &m_leases;
    const AssetOptions m_options;
    QHash<QString, QString> m_named;  // the last partial files, and what became of them
    TaskScope m_scope;
};

}  // namespace celldeck::assets
