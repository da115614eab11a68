#pragma once

#include <QString>

#include "base/result.h"

struct sqlite3;

namespace celldeck::storage {

/// Copies a database as it is at this moment into a new file, page by page, without a WAL. Not
/// synced; what is written goes to the disk as it comes, so that no commit beside it has to wait
/// for a heap of it.
///
/// Not VACUUM INTO, which holds one moment too but makes each row and index anew: tests/bench has
/// both. Fails with StorageUnavailable, or Damaged.
[[nodiscard]] Result<> copyDatabase(sqlite3 *from, const QString &file);

}  // namespace celldeck::storage
