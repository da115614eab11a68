#pragma once

#include <QObject>
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

/// Runs `work` in one of the process's workers: for what blocks, such as an fsync. Nobody is told
/// of its end. Thread: any. Stopping: the work runs to its end in any case, before the application
/// is gone.
void startInBackground(std::function<void()> work);
/// All that was started is done when this returns. Blocks. Requires: not from such work.
void finishBackground();

/// The same, with a waiter that resolves in the calling thread. Whoever needs the result waits.
template <class T>
[[nodiscard]] Waiter<T> inBackground(std::function<Result<T>()> work)
{
    const Waiter<T> waiter;
    auto arrival = std::make_shared<detail::Arrival<T>>();
    auto *anchor = new QObject;  // in the calling thread; goes with its only event
    QObject::connect(anchor, &QObject::destroyed, anchor,
                     [waiter, arrival] { waiter.resolve(arrival->take()); });
    startInBackground([work = std::move(work), arrival, anchor] {
        arrival->put(work());
        anchor->deleteLater();
    });
    return waiter;
}

}  // namespace celldeck
