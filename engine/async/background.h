#pragma once

#include <QMetaObject>
#include <QObject>
#include <QThreadPool>
#include <functional>

#include "async/waiter.h"

namespace celldeck {

/// Runs `work` in a thread of Qt's pool: for what blocks, such as an fsync. The waiter resolves in
/// the calling thread. Stopping: the work runs to its end in any case; whoever needs it waits.
template <class T>
[[nodiscard]] Waiter<T> inBackground(std::function<Result<T>()> work)
{
    const Waiter<T> waiter;
    auto *arrival = new QObject;  // in the calling thread; deletes itself there
    QThreadPool::globalInstance()->start([work = std::move(work), waiter, arrival] {
        QMetaObject::invokeMethod(
            arrival,
            [waiter, arrival, result = work()]() mutable {
                waiter.resolve(std::move(result));
                arrival->deleteLater();
            },
            Qt::QueuedConnection);
    });
    return waiter;
}

}  // namespace celldeck
