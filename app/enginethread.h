#pragma once

#include <QObject>
#include <QThread>
#include <memory>

#include "engine/engine.h"

namespace celldeck::app {

/// An engine in a thread of its own, so that no picture that is drawn delays a kernel's message.
/// Thread: the one that made it (GUI). Stopping: the destructor stops the engine in order and
/// waits.
class EngineThread final : public QObject
{
    Q_OBJECT

public:
    /// The engine is made, but not started, when this returns.
    explicit EngineThread(const EngineOptions &options);
    ~EngineThread() override;

    /// Answered by `started` or `failed`.
    void start();
    [[nodiscard]] Feed &feed() { return m_engine->feed(); }

Q_SIGNALS:
    void started();
    void failed(const QString &message);

private:
    QCoro::Task<> open();
    QCoro::Task<> close();
    void runThere(const std::function<void()> &function, Qt::ConnectionType type);

    QThread m_thread;
    // Lives in m_thread, as do the two below: what is invoked on it runs there.
    std::unique_ptr<QObject> m_there = std::make_unique<QObject>();
    std::unique_ptr<Engine> m_engine;
    std::unique_ptr<TaskScope> m_scope;
    bool m_isOpen = false;  ///< Used in m_thread only.
};

}  // namespace celldeck::app
