#pragma once

#include <QCoroTask>
#include <QObject>
#include <coroutine>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

class QTimer;

namespace celldeck {

class Turn;

namespace detail {

class ScopeCore;
class WaiterStateBase;

/// One suspended `co_await waiter.wait(scope)`. Lives in the coroutine's frame; linked into its
/// scope and into what it waits for until it is resumed.
class WaitNode
{
public:
    enum class Outcome { Pending, Ready, TimedOut, Cancelled };

    WaitNode(std::shared_ptr<ScopeCore> scope, std::shared_ptr<WaiterStateBase> state,
             std::optional<Milliseconds> limit);
    ~WaitNode();
    WaitNode(const WaitNode &) = delete;
    WaitNode &operator=(const WaitNode &) = delete;

    /// False if there is nothing to wait for: the outcome is known already.
    bool suspend(std::coroutine_handle<> handle);
    void becomeReady();

    Outcome outcome = Outcome::Pending;

private:
    friend class ScopeCore;
    void timeOut();

    std::shared_ptr<ScopeCore> m_scope;
    std::shared_ptr<WaiterStateBase> m_state;
    std::optional<Milliseconds> m_limit;
    std::unique_ptr<QTimer> m_timer;
    std::coroutine_handle<> m_handle;
};

/// What a scope, its waits and its running coroutines share, so that a scope may be deleted by a
/// coroutine that runs in it.
class ScopeCore final : public std::enable_shared_from_this<ScopeCore>
{
public:
    void add(WaitNode *node);
    /// Resumes the node at the end of the turn, or from the event loop: whoever resolved it is not
    /// re-entered.
    void schedule(WaitNode *node);
    void close();
    [[nodiscard]] QObject *anchor() { return &m_anchor; }

    bool closed = false;
    int running = 0;
    std::vector<std::weak_ptr<ScopeCore>> children;

private:
    friend class celldeck::Turn;
    void drain();
    void resume(WaitNode *node);

    QObject m_anchor;  // receives the queued resumptions, in the scope's thread
    std::vector<WaitNode *> m_waiting;
    std::vector<WaitNode *> m_ready;
    bool m_drainDue = false;
};

}  // namespace detail

/// Owns coroutines. An object that starts some has a scope as its **last** member: when the object
/// dies, the scope closes first, each of its waits returns `Cancelled`, and every coroutine has run
/// to its end before the other members go (but the one that deletes the scope: it goes on, and must
/// not touch its owner again).
///
/// A coroutine waits only through its scope: for a Waiter, a sleep, or another coroutine that does.
/// After `close()` every wait returns `Cancelled` at once.
///
/// Thread: the one that made it. Stopping: `close()`, which may be called twice and from inside.
class TaskScope
{
public:
    TaskScope();
    /// A scope that closes with its parent, before the parent's own coroutines.
    explicit TaskScope(const TaskScope &parent, std::in_place_t);
    ~TaskScope();
    TaskScope(const TaskScope &) = delete;
    TaskScope &operator=(const TaskScope &) = delete;

    /// Takes a coroutine that has begun (QCoro's begin at once). An exception out of it is a bug:
    /// it is logged as critical.
    void start(QCoro::Task<> task);

    void close();
    [[nodiscard]] bool isClosed() const;
    /// Coroutines that were started and have not ended.
    [[nodiscard]] int running() const;

    [[nodiscard]] const std::shared_ptr<detail::ScopeCore> &core() const { return m_core; }

private:
    static QCoro::Task<> run(QCoro::Task<> task, std::shared_ptr<detail::ScopeCore> core);

    std::shared_ptr<detail::ScopeCore> m_core;
};

}  // namespace celldeck
