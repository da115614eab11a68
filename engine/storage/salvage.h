#pragma once

#include <QString>

#include "base/result.h"

namespace celldeck::storage {

/// Makes a new database of all rows that can still be read of a damaged one, and puts it in its
/// place: the damaged one and what belongs to it are moved aside. (Not with `.recover`: Debian's
/// SQLite is built without what that needs.) Returns where the damaged one is now; it is never
/// deleted. Fails with StorageUnavailable if it cannot even be moved.
///
/// Blocks. Requires: nobody has it open.
[[nodiscard]] Result<QString> setAsideAndSalvage(const QString &file);

}  // namespace celldeck::storage
