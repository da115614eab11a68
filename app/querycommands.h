#pragma once

#include <optional>

#include "commandline.h"
#include "storage/queries.h"

/// What the commands that read the database share: they answer beside a running engine and without
/// one.
namespace celldeck::app {

/// The database of the command's data folder. Fails with NotFound, StorageUnavailable or
/// NewerSchema.
[[nodiscard]] Result<storage::Queries> openQueries(const CommandLine &line);

/// What an option gives as a time; nullopt where it is not set. Fails with InvalidArgument.
[[nodiscard]] Result<std::optional<UtcTime>> timeOption(const CommandLine &line, const char *name);

/// Fails with InvalidArgument if it is no number above 0.
[[nodiscard]] Result<int> countOption(const CommandLine &line, const char *name);

/// The path by which the queue knows a notebook, be the file there or not.
[[nodiscard]] QString notebookOption(const CommandLine &line, const char *name);

int complainAndExit(const Error &error);

}  // namespace celldeck::app
