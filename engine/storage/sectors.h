#pragma once

#include <QString>
#include <cstdint>

#include "base/result.h"

/// What the disk gives of a file, page by page. One that it refuses it is asked for again, since a
/// cable or a network may stumble; one that it refuses each time is lost.
namespace celldeck::storage {

struct ReadablePages
{
    std::int64_t read = 0;
    std::int64_t refused = 0;
};

/// All refused: none of the file can be read, or it is not there.
[[nodiscard]] ReadablePages readablePages(const QString &file);

/// Whether nothing of it is refused. Stops at the first page that is.
[[nodiscard]] bool isReadable(const char *file);

/// Copies what can be read; a page that cannot becomes one that makes no sense to SQLite. Fails
/// with StorageUnavailable where the copy cannot be written, or nothing be read.
[[nodiscard]] Result<ReadablePages> copyReadable(const QString &from, const QString &to);

}  // namespace celldeck::storage
