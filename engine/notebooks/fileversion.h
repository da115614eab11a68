#pragma once

#include <sys/types.h>

#include <QByteArray>
#include <QString>

#include "base/result.h"

namespace celldeck::notebooks {

/// Tells whether a file is still the one that was read: another editor either exchanges the file
/// (another inode) or writes into it (other times).
struct FileVersion
{
    dev_t device = 0;
    ino_t inode = 0;
    off_t bytes = 0;
    qint64 modifiedNs = 0;
    qint64 changedNs = 0;

    bool operator==(const FileVersion &) const = default;
};

struct VersionedText
{
    QByteArray text;
    FileVersion version;
};

/// What is to be said of a path at which no file can be found: NotFound; Io where that cannot even
/// be looked up.
[[nodiscard]] std::unexpected<Error> notThere(const QString &path);

/// Fails as `notThere`, with Io (a folder, unreadable) or TooLarge.
[[nodiscard]] Result<VersionedText> readVersioned(const QString &path, qint64 maxBytes);

/// As `writeAtomically`, but fails with Conflict, and writes nothing, where the file is not
/// `expected` any more at the moment of the exchange.
[[nodiscard]] Result<> writeOver(const QString &path, const QByteArray &bytes,
                                 const FileVersion &expected);

}  // namespace celldeck::notebooks
