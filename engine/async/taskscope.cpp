#include "async/taskscope.h"

#include <QLoggingCategory>
#include <QThread>
#include <QTimer>
#include <algorithm>
#include <exception>

#include "async/turn.h"
#include "async/waiter.h"

Q_LOGGING_CATEGORY(lcAsync, "celldeck.async")

namespace celldeck {

namespace detail {

WaitNode::WaitNode(std::shared_ptr<ScopeCore> scope, std::shared_ptr<WaiterStateBase> state,
                   std::optional<Milliseconds> limit)
    : m_scope(std::move(scope)), m_state(std::move(state)), m_limit(limit)
{}

WaitNode::~WaitNode() = default;

bool WaitNode::suspend(std::coroutine_handle<> handle)
{
    if (m_scope->closed) {
        outcome = Outcome::Cancelled;
        return false;
    }
    if (m_state->isResolved()) {
        outcome = Outcome::Ready;
        return false;
    }
    m_handle = handle;
    m_state->link(this);
    m_scope->add(this);
    if (m_limit) {
        m_timer = std::make_unique<QTimer>();
        m_timer->setSingleShot(true);
        m_timer->setTimerType(Qt::PreciseTimer);
        QObject::connect(m_timer.get(), &QTimer::timeout, m_scope->anchor(), [this] { timeOut(); });
        m_timer->start(std::max(*m_limit, Milliseconds::zero()));
    }
    return true;
}

void WaitNode::becomeReady()
{
    outcome = Outcome::Ready;
    m_timer.reset();
    m_scope->schedule(this);
}

void WaitNode::timeOut()
{
    outcome = Outcome::TimedOut;
    m_state->unlink(this);
    m_scope->schedule(this);
}

void ScopeCore::add(WaitNode *node)
{
    Q_ASSERT(QThread::currentThread() == m_anchor.thread());
    m_waiting.push_back(node);
}

void ScopeCore::schedule(WaitNode *node)
{
    Q_ASSERT(QThread::currentThread() == m_anchor.thread());
    std::erase(m_waiting, node);
    m_ready.push_back(node);
    if (std::exchange(m_drainDue, true) || Turn::resumeAtEnd(shared_from_this()))
        return;
    QMetaObject::invokeMethod(
        &m_anchor,
        [weak = weak_from_this()] {
            if (const auto self = weak.lock())
                self->drain();
        },
        Qt::QueuedConnection);
}

void ScopeCore::drain()
{
    m_drainDue = false;
    // One of them may close the scope, which resumes the others and leaves nothing ready here;
    // what becomes ready meanwhile comes behind what is ready in other scopes.
    for (size_t left = m_ready.size(); left > 0 && !m_ready.empty(); --left) {
        WaitNode *node = m_ready.front();
        m_ready.erase(m_ready.begin());
        resume(node);
    }
}

void ScopeCore::close()
{
    Q_ASSERT(QThread::currentThread() == m_anchor.thread());
    if (closed)
        return;
    const auto keep = shared_from_this();
    closed = true;
    for (const auto &child : std::exchange(children, {})) {
        if (const auto core = child.lock())
            core->close();
    }
    // A result that has come is not taken away: only those that still wait are cancelled.
    while (!m_ready.empty() || !m_waiting.empty()) {
        auto &from = m_ready.empty() ? m_waiting : m_ready;
        WaitNode *node = from.front();
        from.erase(from.begin());
        if (node->outcome == WaitNode::Outcome::Pending) {
            node->outcome = WaitNode::Outcome::Cancelled;
            node->m_state->unlink(node);
        }
        resume(node);
    }
}

void ScopeCore::resume(WaitNode *node)
{
    node->m_timer.reset();
    node->m_handle.resume();  // the node is gone after this
}

}  // namespace detail

TaskScope::TaskScope() : m_core(std::make_shared<detail::ScopeCore>()) {}

TaskScope::TaskScope(const TaskScope &parent, std::in_place_t) : TaskScope()
{
    if (parent.isClosed())
        m_core->close();
    std::erase_if(parent.m_core->children, [](const auto &child) { return child.expired(); });
    parent.m_core->children.push_back(m_core);
}

TaskScope::~TaskScope()
{
    close();
}

void TaskScope::start(QCoro::Task<> task)
{
    ++m_core->running;
    run(std::move(task), m_core);
}

QCoro::Task<> TaskScope::run(QCoro::Task<> task, std::shared_ptr<detail::ScopeCore> core)
{
    try {
        co_await task;
    } catch (const std::exception &e) {
        qCCritical(lcAsync, "a coroutine threw: %s", e.what());
    }
    --core->running;
}

void TaskScope::close()
{
    const auto core = m_core;  // a coroutine that is resumed may delete this scope
    core->close();
}

bool TaskScope::isClosed() const
{
    return m_core->closed;
}

int TaskScope::running() const
{
    return m_core->running;
}

}  // namespace celldeck
