#pragma once

#include <QCoroTask>

#include "async/taskscope.h"

namespace celldeck {

/// Ends after `time`, or with Cancelled when the scope closes. For deadlines and heartbeats only:
/// whoever waits for something waits for the thing itself.
[[nodiscard]] QCoro::Task<Result<>> sleepFor(const TaskScope &scope, Milliseconds time);

}  // namespace celldeck
