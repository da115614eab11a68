#include "async/sleep.h"

#include "async/waiter.h"

namespace celldeck {

QCoro::Task<Result<>> sleepFor(const TaskScope &scope, Milliseconds time)
{
    const Waiter<> never;
    Result<> woken = co_await never.wait(scope, time);
    if (woken.error().code == ErrorCode::Timeout)
        co_return Result<>();
    co_return woken;
}

}  // namespace celldeck
