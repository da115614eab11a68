#pragma once

#include <QCoroTask>

#include "assets/assetstore.h"

namespace celldeck::tasks {

/// Outputs as JSON. (std::expected and QCoro together cannot stand a bare QByteArray.)
struct Outputs
{
    QByteArray json;
    /// For the notebook, if that is more: what is in files is named there.
    QByteArray whole = {};
    QStringList partials = {};  ///< Files to be removed when the record is on disk
};

/// In the background.
void removePartials(const QStringList &paths);

/// Puts what is big among a task's outputs into files, and returns what its record keeps of them:
/// all, but for what is far too big for a record. When this returns, files and leases are on disk:
/// so whoever is told of the task's end finds them. A task without big outputs pays for a look at
/// the bytes.
///
/// `assets` may be null: then nothing is done. Fails as AssetStore::handOver does; the record is
/// then to be the whole.
[[nodiscard]] QCoro::Task<Result<Outputs>> handOver(assets::AssetStore *assets,
                                                    storage::TaskRecord task, Outputs outputs,
                                                    const TaskScope *scope);

}  // namespace celldeck::tasks
