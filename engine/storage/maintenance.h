#pragma once

#include <QString>
#include <QStringList>

#include "base/result.h"
#include "storage/audit.h"

/// What operators do with a database file, also beside a running engine unless it says otherwise.
/// All of it blocks.
namespace celldeck::storage {

enum class CheckDepth {
    Quick,  ///< The pages' structure
    Full,   ///< Indexes, references and the views too
};

/// What is wrong with a database, one finding a line; empty: nothing. Fails with
/// StorageUnavailable if it cannot be opened, NewerSchema, or Damaged if it is no database at all.
[[nodiscard]] Result<QStringList> check(const QString &file, CheckDepth depth);

/// A copy of one moment, whole and checked before it gets its name. Fails with Conflict if `target`
/// is there, with Io or StorageUnavailable if it cannot be written or does not pass the check.
///
/// The database's audit log gets a row in the name of `by`; but a database that cannot be written
/// is the more worth a backup, so that this fails is only logged.
[[nodiscard]] Result<> backUp(const QString &file, const QString &target, const Actor &by);

/// Puts a backup in the place of a database, which is moved aside; returns where that is now, "" if
/// there was none. The backup is checked first and stays as it is. The restored one has a row in
/// its audit log, unless it is of a version before there was one. Requires: no engine uses the
/// database. Fails as `backUp` does; the database is then untouched.
[[nodiscard]] Result<QString> restore(const QString &backup, const QString &file, const Actor &by);

}  // namespace celldeck::storage
