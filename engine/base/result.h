#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace celldeck {

/// A value or the reason why there is none. Nothing in Celldeck throws across a function that
/// returns one.
template <class T = void>
using Result = std::expected<T, Error>;

/// `return fail(ErrorCode::NotFound, …)` from any function that returns a Result.
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, QString message)
{
    return std::unexpected(Error{code, std::move(message)});
}

/// Hands on the error of another result: `if (!x) return fail(x.error());`
[[nodiscard]] inline std::unexpected<Error> fail(Error error)
{
    return std::unexpected(std::move(error));
}

}  // namespace celldeck
