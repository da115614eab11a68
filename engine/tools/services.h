#pragma once

#include "assets/assetcleaner.h"
#include "assets/assetstore.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "mcp/toolregistry.h"
#include "notebooks/notebook.h"
#include "storage/adoptionstore.h"
#include "storage/auditstore.h"
#include "storage/taskcleaner.h"
#include "storage/taskstore.h"
#include "tasks/taskqueue.h"

namespace celldeck::tools {

/// Big outputs, and what keeps them.
struct AssetServices
{
    storage::LeaseStore &store;
    assets::LeaseKeeper &leases;
    assets::AssetStore &files;
    assets::AssetCleaner &cleaner;
};

/// What the tools of every group work with. Owned by the engine, outlives the registry.
struct Services
{
    tasks::TaskQueue &queue;
    storage::TaskStore &store;
    storage::AdoptionStore &adoptions;
    storage::TaskCleaner &cleaner;
    AssetServices assets;
    storage::AuditStore &audit;
    const Clock &clock;
    QString workspace;           ///< Canonical. No tool reads or writes a file outside of it.
    QString ownAssetsDirectory;  ///< Assets may be there too: those of `celldeck run`.
    QString databaseFile;
    QString backupDirectory;  ///< Backups may be there too.
};

/// Who has called, for the audit log: an operator if it calls itself as our own commands do. All
/// who call have the same token, so this is what a client says of itself, and no proof: it tells
/// honest agents and operators apart.
[[nodiscard]] storage::Actor actorOf(const mcp::CallContext &context);

/// The notebook that a tool's argument names: relative paths are relative to the workspace, and
/// one file is one notebook however its path is written. Somebody works with it: its assets are
/// leased anew. Fails with NotFound or OutsideWorkspace.
[[nodiscard]] Result<QString> notebookPath(const Services &services, const Json &arguments);

/// As that, of a notebook that need not be there. Fails with OutsideWorkspace.
[[nodiscard]] Result<QString> pathInWorkspace(const Services &services, const QString &given);

[[nodiscard]] bool isInside(const QString &folder, const QString &path);

/// A folder that a tool's argument names, canonical. Fails with NotFound or OutsideWorkspace.
[[nodiscard]] Result<QString> workspaceFolder(const Services &services, const QString &given);

[[nodiscard]] Error noKernel(const QString &path);

/// Reads it in the background.
[[nodiscard]] Waiter<notebooks::Notebook> loadInBackground(const QString &path);

/// A task as every tool shows it: {task_id, status, notebook_path, cell_index, execution_count,
/// error, error_code, retries, replay_of, state_lost, created_at, started_at, completed_at}; what
/// is not known is null.
[[nodiscard]] Json toJson(const storage::TaskRecord &task);

/// What a cell asks for: {prompt, password}; null where it asks nothing.
[[nodiscard]] Json inputJson(const std::optional<kernels::InputRequest> &request);

}  // namespace celldeck::tools
