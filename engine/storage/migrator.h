#pragma once

#include "storage/connection.h"

namespace celldeck::storage {

/// Which version's a database is; 0: nobody's yet, or not Celldeck's. Fails with NewerSchema, with
/// Damaged if the number does not fit to the tables.
[[nodiscard]] Result<int> versionOf(Connection &connection, const QString &file);

/// Brings a database to `currentSchema()`: each step in a transaction of its own that sets
/// `user_version`, after a copy beside the file (`<file>.v<version>.backup`) where there is
/// something to lose. Checks the file first.
///
/// Fails with NewerSchema if another version of Celldeck wrote it, with Damaged, or with
/// StorageUnavailable if it cannot be written; the file is as it was then.
[[nodiscard]] Result<> migrate(Connection &connection, const QString &file);

/// The same, of a file that nobody has yet: without a copy, and up to any version.
[[nodiscard]] Result<> raise(Connection &connection, int version);

}  // namespace celldeck::storage
