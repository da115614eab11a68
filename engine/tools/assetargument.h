#pragma once

#include "tools/services.h"

namespace celldeck::tools {

/// The asset that a tool's argument `asset` names, by its id or its path. Fails with NotFound, or
/// OutsideWorkspace if it belongs to notebooks that this engine's tools may not touch.
[[nodiscard]] QCoro::Task<Result<storage::Lease>> findAsset(const Services *services,
                                                            Json arguments, const TaskScope *scope);
/// The same, to be read: its lease is renewed, and its file is back from the trash if it was there.
[[nodiscard]] QCoro::Task<Result<storage::Lease>> openAsset(const Services *services,
                                                            Json arguments, const TaskScope *scope);

[[nodiscard]] Json assetSchema();  ///< of the argument
/// The properties of what `toJson(Lease)` gives.
[[nodiscard]] Json leaseSchema();
/// {asset, path, mime_type, bytes, notebook_path, created_at, last_seen, expires_at, active,
/// pinned}, in the wall's time.
[[nodiscard]] Json toJson(const Services &services, const storage::Lease &lease);

}  // namespace celldeck::tools
