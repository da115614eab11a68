#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "async/taskscope.h"

namespace celldeck {

namespace detail {

class WaiterStateBase
{
public:
    virtual ~WaiterStateBase() = default;
    void link(WaitNode *node) { m_nodes.push_back(node); }
    void unlink(WaitNode *node) { std::erase(m_nodes, node); }
    [[nodiscard]] virtual bool isResolved() const = 0;

protected:
    void wakeAll()
    {
        for (WaitNode *node : std::exchange(m_nodes, {}))
            node->becomeReady();
    }

private:
    std::vector<WaitNode *> m_nodes;
};

template <class T>
class WaiterState final : public WaiterStateBase
{
public:
    bool resolve(Result<T> result)
    {
        if (m_result)
            return false;
        m_result.emplace(std::move(result));
        wakeAll();
        return true;
    }
    [[nodiscard]] bool isResolved() const override { return m_result.has_value(); }
    [[nodiscard]] const Result<T> &result() const { return *m_result; }

private:
    std::optional<Result<T>> m_result;
};

}  // namespace detail

/// A result that comes once, and whoever waits for it. Copies are handles of the same one; any
/// number of coroutines may wait, before or after it came, and each gets a copy.
///
///     Waiter<int> answer;
///     Result<int> got = co_await answer.wait(m_scope, 5s);   // Timeout, Cancelled or the answer
///
/// Resolving resumes nobody at once: they are resumed from the event loop, or at the end of the
/// Turn. Thread: that of the scopes that wait. Stopping: nothing to stop; a wait ends with its
/// scope.
template <class T = void>
class Waiter
{
public:
    class [[nodiscard]] Wait
    {
    public:
        Wait(const TaskScope &scope, std::shared_ptr<detail::WaiterState<T>> state,
             std::optional<Milliseconds> limit)
            : m_state(std::move(state)), m_node(scope.core(), m_state, limit)
        {}

        bool await_ready() const { return false; }
        bool await_suspend(std::coroutine_handle<> handle) { return m_node.suspend(handle); }
        Result<T> await_resume() const
        {
            switch (m_node.outcome) {
            case detail::WaitNode::Outcome::Ready:
                return m_state->result();
            case detail::WaitNode::Outcome::TimedOut:
                return fail(ErrorCode::Timeout, QStringLiteral("the time limit has passed"));
            case detail::WaitNode::Outcome::Pending:
            case detail::WaitNode::Outcome::Cancelled:
                break;
            }
            return fail(ErrorCode::Cancelled, QStringLiteral("cancelled"));
        }

    private:
        std::shared_ptr<detail::WaiterState<T>> m_state;
        detail::WaitNode m_node;
    };

    Waiter() : m_state(std::make_shared<detail::WaiterState<T>>()) {}

    /// A waiter that has its result already.
    static Waiter resolved(Result<T> result)
    {
        Waiter waiter;
        waiter.resolve(std::move(result));
        return waiter;
    }

    /// The first one counts; false for later ones.
    bool resolve(Result<T> result) const { return m_state->resolve(std::move(result)); }
    [[nodiscard]] bool isResolved() const { return m_state->isResolved(); }

    [[nodiscard]] Wait wait(const TaskScope &scope, std::optional<Milliseconds> limit = {}) const
    {
        return Wait(scope, m_state, limit);
    }

private:
    std::shared_ptr<detail::WaiterState<T>> m_state;
};

}  // namespace celldeck
