#pragma once

#include <QObject>
#include <QProcess>
#include <QSocketNotifier>
#include <memory>

#include "async/waiter.h"
#include "kernels/kernelspec.h"
#include "kernels/processidentity.h"

namespace celldeck::kernels {

/// What becomes of a kernel when its engine dies.
enum class KernelLife {
    WithEngine,      ///< It ends too, if it looks after its parent as ipykernel does.
    OutlivesEngine,  ///< It goes on, and a later engine takes it up again.
};

/// A kernel's process, leader of a process group of its own, so that a signal reaches what it
/// started too; a child of ours, or one that an earlier engine has started. What it writes to
/// stderr goes into a file beside its connection file (a pipe would break with the engine): the
/// file's end says why it died.
///
/// Owned by a Kernel. Thread: the engine's. Stopping: the destructor kills the group.
class KernelProcess final : public QObject
{
    Q_OBJECT

public:
    KernelProcess();
    ~KernelProcess() override;

    void start(const KernelSpec &spec, const QString &connectionFile,
               const QString &workingDirectory, KernelLife life);
    /// Fails with NotFound if that process has ended: another one with its pid is not taken.
    [[nodiscard]] Result<> adopt(const ProcessIdentity &process, const QString &connectionFile);
    /// To the whole group.
    void signal(int number);

    [[nodiscard]] bool isRunning() const;
    [[nodiscard]] qint64 pid() const { return m_pid; }
    /// nullopt once it has ended.
    [[nodiscard]] std::optional<ProcessIdentity> identity() const { return identityOf(m_pid); }
    /// Resolves when the process has ended, or could not be started.
    [[nodiscard]] Waiter<> ended() const { return m_ended; }
    /// Why it ended, with the last lines of its stderr.
    [[nodiscard]] QString reason() const;
    /// The end of its stderr, "" if it wrote nothing.
    [[nodiscard]] QString lastErrors() const;

Q_SIGNALS:
    void finished();

private:
    void useErrorsOf(const QString &connectionFile);
    void end(const QString &reason);

    QProcess m_process;
    qint64 m_pid = 0;
    int m_handle = -1;  // pidfd of a process that is no child of ours
    std::unique_ptr<QSocketNotifier> m_handleNotifier;
    QString m_errorsPath;
    QString m_reason;
    Waiter<> m_ended;
};

}  // namespace celldeck::kernels
