#pragma once

#include <QStringList>

namespace celldeck::storage {

/// The statements that make each version of the database from the one before it; the first list
/// makes version 1 from an empty file. `PRAGMA user_version` says which version a file has. A list
/// that was released is never changed again.
[[nodiscard]] const QList<QStringList> &migrations();

/// The version that this program reads and writes.
[[nodiscard]] int currentSchema();

}  // namespace celldeck::storage
