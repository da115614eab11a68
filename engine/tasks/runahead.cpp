#include "tasks/runahead.h"

#include <QLoggingCategory>

#include "async/sleep.h"

namespace celldeck::tasks {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.tasks", QtInfoMsg)

// A cell that runs longer than this does not notice a commit behind it.
constexpr Milliseconds LongCell{50};
constexpr qsizetype MaxDepth = 8;
constexpr Milliseconds StorageRetry{1'000};

}  // namespace

RunAhead::RunAhead(storage::TaskStore &store) : m_store(store)
{
    m_longCell.setSingleShot(true);
    QObject::connect(&m_longCell, &QTimer::timeout, &m_longCell, [this] {
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
        m_takenBack.erase(task);
        const Waiter<> onDisk = m_store.announce(task, messageId);
        m_announced.push_back({.task = task, .messageId = std::move(messageId), .onDisk = onDisk});
    }
}

void RunAhead::cellBegan()
{
    if (!m_announced.empty())
        m_longCell.start(LongCell);
}

void RunAhead::cellEnded()
{
    m_longCell.stop();
    const bool nextWaits = !m_announced.empty() && !m_announced.front().onDisk.isResolved();
    if (nextWaits || !areRecorded(m_depth - 1))
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

void RunAhead::giveBack(Announced announced)
{
    m_announced.push_front(std::move(announced));
    withdraw();
}

Waiter<> RunAhead::lastEnd() const
{
    return m_ends.empty() ? Waiter<>::resolved({}) : m_ends.back();
}

void RunAhead::withdraw()
{
    m_longCell.stop();
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
    // Under its number it would count as sent, once a later one has left.
    m_takenBack.insert(task);
    while (m_takenBack.contains(task)) {
        const Waiter<> withdrawing = m_store.announce(task, {});
        const Result<> withdrawn = co_await withdrawing.wait(m_scope);
        // Stale: it runs, or has ended, meanwhile.
        if (withdrawn || withdrawn.error().code != ErrorCode::StorageUnavailable)
            break;
        qCInfo(log, "%s", qUtf8Printable(withdrawn.error().message));
        const Result<> slept = co_await sleepFor(m_scope, StorageRetry);
        if (!slept)
            break;
    }
    m_takenBack.erase(task);
}

}  // namespace celldeck::tasks
