#pragma once

#include <QString>

#include "base/result.h"

namespace celldeck::storage {

/// Moves a damaged database and what belongs to it aside, and makes a new one of all rows that can
/// still be read of it. (Not with `.recover`: Debian's SQLite is built without what that needs.)
/// Returns where the damaged one is now; it is never deleted. Fails with StorageUnavailable if it
/// cannot even be moved.
///
/// Blocks. Requires: nobody has it open.
[[nodiscard]] Result<QString> setAsideAndSalvage(const QString &file);

/// Moves a database aside under a name that tells why; returns that name. With its WAL.
[[nodiscard]] Result<QString> setAside(const QString &file, const QString &why);

}  // namespace celldeck::storage
