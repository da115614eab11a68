#pragma once

#include <QCoroTask>
#include <QEventLoop>
#include <QPointer>
#include <QTimer>
#include <optional>

#include "async/waiter.h"

/// For tests only: runs the event loop until something has come, at most `limit`.
namespace celldeck::test {

inline constexpr Milliseconds AwaitLimit{60'000};

namespace detail {

template <class T>
QCoro::Task<> collect(QCoro::Task<Result<T>> task, std::shared_ptr<std::optional<Result<T>>> got,
                      QPointer<QEventLoop> loop)
{
    got->emplace(co_await task);
    if (loop)  // Else it has come after the limit.
        loop->quit();
}

template <class T>
QCoro::Task<Result<T>> waitFor(Waiter<T> waiter, const TaskScope *scope)
{
    co_return co_await waiter.wait(*scope, AwaitLimit);
}

}  // namespace detail

template <class T>
Result<T> await(QCoro::Task<Result<T>> task, Milliseconds limit = AwaitLimit)
{
    QEventLoop loop;
    auto got = std::make_shared<std::optional<Result<T>>>();
    QTimer::singleShot(limit, &loop, &QEventLoop::quit);
    QCoro::Task<> collecting = detail::collect(std::move(task), got, &loop);
    if (!*got)
        loop.exec();
    if (!*got)
        return fail(ErrorCode::Timeout, QStringLiteral("the test waited in vain"));
    return std::move(**got);
}

template <class T>
Result<T> await(Waiter<T> waiter)
{
    TaskScope scope;
    return await(detail::waitFor(waiter, &scope));
}

}  // namespace celldeck::test
