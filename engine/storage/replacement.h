#pragma once

#include <QString>

#include "base/result.h"

/// Database files take their places: each step is on the disk before the next, so that a crash at
/// any moment leaves the old one or the new one in place, and never none. All of it blocks.
namespace celldeck::storage {

/// Beside a database in which damage was found while it was in use; goes wherever that one goes.
inline constexpr const char *DamageMark = "-damaged";

/// Gives a complete file its name, over one that may be there. Fails with Io.
[[nodiscard]] Result<> publish(const QString &part, const QString &target);

/// As `publish`. Fails with Conflict if somebody else has taken that name meanwhile.
[[nodiscard]] Result<> publishNew(const QString &part, const QString &target);

/// Puts `part`, a complete database without a WAL, in the place of `file`. That one is moved aside,
/// with its WAL, under a name that tells why; returns it, "" if there was none. Once it has begun,
/// `finishReplacement` brings it to its end after a crash.
/// Requires: nobody has either open. Fails with Io or StorageUnavailable.
[[nodiscard]] Result<QString> replace(const QString &part, const QString &file, const QString &why);

/// What a crash has left of a `replace`: to be called before `file` is opened. Fails as `replace`.
[[nodiscard]] Result<> finishReplacement(const QString &file);

/// Moves a database aside with its WAL; returns its name there. Fails with StorageUnavailable.
[[nodiscard]] Result<QString> setAside(const QString &file, const QString &why);

}  // namespace celldeck::storage
