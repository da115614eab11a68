#pragma once

#include <QObject>
#include <QProcess>

#include "async/waiter.h"
#include "kernels/kernelspec.h"

namespace celldeck::kernels {

/// A kernel's process, leader of a process group of its own, so that a signal reaches what it
/// started too. Keeps the end of what it wrote to stderr: why it died.
///
/// Owned by a Kernel. Thread: the engine's. Stopping: the destructor kills the group.
class KernelProcess final : public QObject
{
    Q_OBJECT

public:
    KernelProcess();
    ~KernelProcess() override;

    void start(const KernelSpec &spec, const QString &connectionFile,
               const QString &workingDirectory);
    /// To the whole group.
    void signal(int number);

    [[nodiscard]] bool isRunning() const;
    [[nodiscard]] qint64 pid() const { return m_pid; }
    /// Resolves when the process has ended, or could not be started.
    [[nodiscard]] Waiter<> ended() const { return m_ended; }
    /// Why it ended, with the last lines of its stderr.
    [[nodiscard]] QString reason() const;
    /// The end of its stderr, "" if it wrote nothing.
    [[nodiscard]] QString lastErrors() const;

Q_SIGNALS:
    void finished();

private:
    void readErrors();
    void end(const QString &reason);

    QProcess m_process;
    qint64 m_pid = 0;
    QByteArray m_errors;
    QString m_reason;
    Waiter<> m_ended;
};

}  // namespace celldeck::kernels
