#include "tasks/runahead.h"

#include <QLoggingCategory>

namespace celldeck::tasks {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.tasks", QtInfoMsg)

// A cell that runs longer than this does not notice a commit behind it.
constexpr Milliseconds LongCell{50};
constexpr qsizetype MaxDepth = 8;

}  // namespace

RunAhead::RunAhead(storage::TaskStore &store) : m_store(store)
{
    m_unused.setSingleShot(true);
    QObject::connect(&m_unused, &QTimer::timeout, &m_unused, [this] {
        m_depth = 1;
        withdraw();
    });
}

void RunAhead::announce(const WaitingLine &waiting, const std::function<QByteArray()> &newMessageId)
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

void RunAhead::cellBegan()
{
    if (!m_announced.empty())
        m_unused.start(LongCell);
}

void RunAhead::cellEnded()
{
    m_unused.stop();
    const bool mustWait = !m_announced.empty() && !m_announced.front().onDisk.isResolved();
    if (mustWait || !areRecorded(m_depth - 1))
        m_depth = std::min(2 * m_depth, MaxDepth);
}

std::optional<RunAhead::Announced> RunAhead::take(storage::TaskId task)
{
    if (m_announced.empty() || m_announced.front().task != task) {
        withdraw();
        return std::nullopt;
    }
    Announced next = std::move(m_announced.front());
    m_announced.pop_front();
    return next;
}

void RunAhead::withdraw()
{
    m_unused.stop();
    for (const Announced &announced : std::exchange(m_announced, {}))
        m_scope.start(takeBack(announced.task));
}

bool RunAhead::areRecorded(qsizetype butFor)
{
    while (!m_ends.empty() && m_ends.front().isResolved())
        m_ends.pop_front();
    return qsizetype(m_ends.size()) <= butFor;
}

QCoro::Task<Result<>> RunAhead::wait(Ends left, const TaskScope &scope)
{
    while (!areRecorded(left == Ends::None ? 0 : m_depth - 1)) {
        const Waiter<> first = m_ends.front();
        const Result<> recorded = co_await first.wait(scope);
        if (!recorded)
            co_return recorded;
    }
    co_return Result<>{};
}

QCoro::Task<> RunAhead::takeBack(storage::TaskId task)
{
    const Waiter<> withdrawing = m_store.announce(task, {});
    const Result<> withdrawn = co_await withdrawing.wait(m_scope);
    // Stale: it has ended meanwhile. Else it stays announced, which costs something only if the
    // power goes too.
    if (!withdrawn && withdrawn.error().code == ErrorCode::StorageUnavailable)
        qCInfo(log, "%s", qUtf8Printable(withdrawn.error().message));
}

}  // namespace celldeck::tasks
