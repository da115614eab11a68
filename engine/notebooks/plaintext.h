#pragma once

#include "base/json.h"

namespace celldeck::notebooks {

/// nbformat outputs as a model or a terminal reads them: texts without colours; of what has none,
/// the MIME types.
[[nodiscard]] QString plainText(const Json &outputs);

}  // namespace celldeck::notebooks
