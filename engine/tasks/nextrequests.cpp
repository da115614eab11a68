#include "tasks/nextrequests.h"

#include <QLoggingCategory>

namespace celldeck::tasks {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.tasks", QtInfoMsg)

// A cell that runs longer than this does not notice a commit behind it.
constexpr Milliseconds LongCell{50};
constexpr qsizetype MaxDepth = 8;

}  // namespace

NextRequests::NextRequests(storage::TaskStore &store) : m_store(store)
{
    m_unused.setSingleShot(true);
    QObject::connect(&m_unused, &QTimer::timeout, &m_unused, [this] {
        m_depth = 1;
        withdraw();
    });
}

void NextRequests::announce(const WaitingLine &waiting,
                            const std::function<QByteArray()> &newMessageId)
{
    for (std::size_t i = 0; i < m_announced.size(); ++i) {
        if (qsizetype(i) >= waiting.size() || waiting.at(qsizetype(i)).id != m_announced[i].task) {
            withdraw();
            break;
        }
    }
    const qsizetype due = std::min(m_depth, waiting.size());
    for (auto i = qsizetype(m_announced.size()); i < due; ++i) {
        const storage::TaskId task = waiting.at(i).id;
        QByteArray messageId = newMessageId();
        const Waiter<> onDisk = m_store.announce(task, messageId);
        m_announced.push_back({.task = task, .messageId = std::move(messageId), .onDisk = onDisk});
    }
}

void NextRequests::cellBegan()
{
    if (!m_announced.empty())
        m_unused.start(LongCell);
}

void NextRequests::cellEnded(Disk disk)
{
    m_unused.stop();
    const bool mustWait = !m_announced.empty() && !m_announced.front().onDisk.isResolved();
    if (disk == Disk::IsBehind || mustWait)
        m_depth = std::min(2 * m_depth, MaxDepth);
}

std::optional<NextRequests::Announced> NextRequests::take(storage::TaskId task)
{
    if (m_announced.empty() || m_announced.front().task != task) {
        withdraw();
        return std::nullopt;
    }
    Announced next = std::move(m_announced.front());
    m_announced.pop_front();
    return next;
}

void NextRequests::withdraw()
{
    m_unused.stop();
    for (const Announced &announced : std::exchange(m_announced, {}))
        m_scope.start(takeBack(announced.task));
}

QCoro::Task<> NextRequests::takeBack(storage::TaskId task)
{
    const Waiter<> withdrawing = m_store.announce(task, {});
    const Result<> withdrawn = co_await withdrawing.wait(m_scope);
    // Stale: it has ended meanwhile. Else it stays announced, which costs something only if the
    // power goes too.
    if (!withdrawn && withdrawn.error().code == ErrorCode::StorageUnavailable)
        qCInfo(log, "%s", qUtf8Printable(withdrawn.error().message));
}

}  // namespace celldeck::tasks
