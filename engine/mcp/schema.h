#pragma once

#include "base/json.h"

namespace celldeck::mcp {

/// Holds `value` against a JSON Schema. Fails with InvalidArgument; the message names the argument,
/// what it was, and what it should be.
[[nodiscard]] Result<> checkSchema(const Json &schema, const Json &value);

}  // namespace celldeck::mcp
