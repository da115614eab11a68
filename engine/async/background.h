#pragma once

#include <QMetaObject>
#include <QObject>
#include <QThreadPool>
#include <functional>
#include <mutex>

#include "async/waiter.h"

namespace celldeck {

namespace detail {

/// A result on its way back to the thread that asked for it.
template <class T>
class Arrival
{
public:
    void put(Result<T> result)
    {
        const std::scoped_lock lock(m_mutex);
        m_result.emplace(std::move(result));
    }
    Result<T> take()
    {
        const std::scoped_lock lock(m_mutex);
        return *std::exchange(m_result, std::nullopt);
    }

private:
    std::mutex m_mutex;
    std::optional<Result<T>> m_result;
};

}  // namespace detail

/// Runs `work` in a thread of Qt's pool: for what blocks, such as an fsync. The waiter resolves in
/// the calling thread. Stopping: the work runs to its end in any case; whoever needs it waits.
template <class T>
[[nodiscard]] Waiter<T> inBackground(std::function<Result<T>()> work)
{
    const Waiter<T> waiter;
    auto arrival = std::make_shared<detail::Arrival<T>>();
    auto *anchor = new QObject;  // in the calling thread; goes with its only event
    QObject::connect(anchor, &QObject::destroyed, anchor,
                     [waiter, arrival] { waiter.resolve(arrival->take()); });
    QThreadPool::globalInstance()->start([work = std::move(work), arrival, anchor] {
        arrival->put(work());
        anchor->deleteLater();
    });
    return waiter;
}

}  // namespace celldeck
