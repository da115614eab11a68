#pragma once

#include <QObject>
#include <QSocketNotifier>
#include <memory>

namespace celldeck::app {

/// SIGINT and SIGTERM as a Qt signal, once; the next one ends the process at once. One a process,
/// owned by the command that runs. Thread: the one that made it.
class SignalWatcher final : public QObject
{
    Q_OBJECT

public:
    SignalWatcher();
    ~SignalWatcher() override;

Q_SIGNALS:
    void stopRequested(int signal);

private:
    std::unique_ptr<QSocketNotifier> m_notifier;
};

}  // namespace celldeck::app
