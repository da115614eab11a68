#pragma once

#include "base/clock.h"
#include "base/result.h"

namespace celldeck {

/// The time (ISO 8601) that somebody has given as `name`. Fails with InvalidArgument. Back: toIso.
[[nodiscard]] Result<UtcTime> parseIso(const QString &text, const QString &name);

}  // namespace celldeck
