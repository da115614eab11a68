#include "tasks/nextrequest.h"

#include <QLoggingCategory>

namespace celldeck::tasks {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.tasks", QtInfoMsg)

// A cell that runs longer than this does not notice a commit behind it.
constexpr Milliseconds UnusedFor{50};

}  // namespace

NextRequest::NextRequest(storage::TaskStore &store) : m_store(store)
{
    m_unused.setSingleShot(true);
    QObject::connect(&m_unused, &QTimer::timeout, &m_unused, [this] { withdraw(); });
}

void NextRequest::announce(storage::TaskId task, QByteArray messageId)
{
    withdraw();
    const Waiter<> onDisk = m_store.announce(task, messageId);
    m_announced = {.task = task, .messageId = std::move(messageId), .onDisk = onDisk};
    m_unused.start(UnusedFor);
}

std::optional<NextRequest::Announced> NextRequest::take(storage::TaskId task)
{
    if (!m_announced || m_announced->task != task) {
        withdraw();
        return std::nullopt;
    }
    m_unused.stop();
    return std::exchange(m_announced, {});
}

void NextRequest::withdraw()
{
    m_unused.stop();
    if (const auto announced = std::exchange(m_announced, {}))
        m_scope.start(takeBack(announced->task));
}

QCoro::Task<> NextRequest::takeBack(storage::TaskId task)
{
    const Waiter<> withdrawing = m_store.announce(task, {});
    const Result<> withdrawn = co_await withdrawing.wait(m_scope);
    // Stale: it has ended meanwhile. Else it stays announced, which costs something only if the
    // power goes too.
    if (!withdrawn && withdrawn.error().code == ErrorCode::StorageUnavailable)
        qCInfo(log, "%s", qUtf8Printable(withdrawn.error().message));
}

}  // namespace celldeck::tasks
