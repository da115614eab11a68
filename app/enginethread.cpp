#include "enginethread.h"

namespace celldeck::app {

EngineThread::EngineThread(const EngineOptions &options)
{
    m_thread.setObjectName(QStringLiteral("engine"));
    m_there->moveToThread(&m_thread);
    m_thread.start();
    runThere(
        [this, options] {
            m_engine = std::make_unique<Engine>(options);
            m_scope = std::make_unique<TaskScope>();
        },
        Qt::BlockingQueuedConnection);
}

EngineThread::~EngineThread()
{
    runThere([this] { m_scope->start(close()); }, Qt::QueuedConnection);
    m_thread.wait();
}

void EngineThread::runThere(const std::function<void()> &function, Qt::ConnectionType type)
{
    QMetaObject::invokeMethod(m_there.get(), function, type);
}

void EngineThread::start()
{
    runThere([this] { m_scope->start(open()); }, Qt::QueuedConnection);
}

QCoro::Task<> EngineThread::open()
{
    const Waiter<> starting = m_engine->start();
    const Result<> opened = co_await starting.wait(*m_scope);
    m_isOpen = opened.has_value();
    if (opened)
        Q_EMIT started();
    else
        Q_EMIT failed(opened.error().message);
}

QCoro::Task<> EngineThread::close()
{
    if (m_isOpen) {
        const Waiter<> stopping = m_engine->stop();
        const Result<> stopped = co_await stopping.wait(*m_scope);
        if (!stopped)
            qWarning("the engine did not stop in order: %s",
                     qUtf8Printable(stopped.error().message));
    }
    // Not from within a coroutine of the scope that is destroyed.
    runThere(
        [this] {
            m_scope.reset();
            m_engine.reset();
            m_there.release()->deleteLater();
            m_thread.quit();
        },
        Qt::QueuedConnection);
}

}  // namespace celldeck::app
