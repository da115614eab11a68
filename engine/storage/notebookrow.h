#pragma once

#include "storage/connection.h"

namespace celldeck::storage {

/// The row of a notebook's path, made if need be. Requires: a writer's job.
[[nodiscard]] Result<std::int64_t> notebookRow(Connection &connection, const QString &path);

}  // namespace celldeck::storage
