#pragma once

#include <QByteArray>
#include <QCoroTask>
#include <QObject>
#include <QProcessEnvironment>
#include <QString>
#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "kernels/kernelspec.h"
#include "kernels/outputcollector.h"

namespace celldeck::kernels {

enum class KernelState { Starting, Idle, Busy, Dead };

/// How one cell ended, as its kernel told it.
struct Execution
{
    enum class Status { Ok, Error, Aborted };
    Status status = Status::Ok;
    std::optional<std::int64_t> executionCount;
    Json outputs = Json::array();  ///< nbformat outputs, in order, streams merged.
    QString errorName;             ///< ename of the error reply
    QString errorValue;            ///< evalue
    /// Which outputs can be shown anew later, by display id.
    QHash<QString, QList<qsizetype>> displays;
    /// What it showed anew: outputs of earlier executions with that id change too.
    QList<OutputCollector::DisplayUpdate> updates;
};

struct ExecuteOptions
{
    bool allowStdin = false;
    bool storeHistory = true;
    bool stopOnError = false;
};

struct KernelOptions
{
    QString workingDirectory;
    QString runtimeDirectory;  ///< Where the connection file goes: 0700, the file 0600.
    Milliseconds startLimit{60'000};
    Milliseconds shutdownGrace{5'000};
    Milliseconds heartbeatInterval{30'000};
};

/// A kernel process of ours and the client that talks to it: starts it in its own process group,
/// waits for kernel_info, runs one cell at a time, notices at once when it dies.
///
/// Owned by a session. Thread: the engine's. Stopping: `shutdown()` asks, then kills the whole
/// group after the grace; the destructor kills at once.
class Kernel final : public QObject
{
    Q_OBJECT

public:
    Kernel(KernelSpec spec, KernelOptions options);
    ~Kernel() override;

    /// Fails with NoKernel (message with the end of the kernel's stderr), Timeout or Cancelled.
    [[nodiscard]] QCoro::Task<Result<>> start();

    /// A fresh msg_id: committed by the caller before `execute` sends it.
    [[nodiscard]] QByteArray newMessageId() const;

    /// Sends the request and ends when its execute_reply and its idle have both come. `changed` is
    /// called with the outputs so far, at most 30 times a second. Fails with KernelDied (`partial`
    /// of the error is kept in `lastOutputs()`) or Cancelled.
    /// Requires: started, and no other execution in flight.
    [[nodiscard]] QCoro::Task<Result<Execution>> execute(
        QByteArray messageId, QString code, ExecuteOptions options,
        std::function<void(const Json &outputs)> changed);

    /// The outputs of the current or last execution, also when it failed.
    [[nodiscard]] Json lastOutputs() const;

    /// By signal or message, as the kernelspec says. The execution then ends by itself.
    void interrupt();
    [[nodiscard]] QCoro::Task<Result<>> shutdown();

    [[nodiscard]] KernelState state() const;
    [[nodiscard]] const KernelSpec &spec() const;
    [[nodiscard]] qint64 pid() const;
    [[nodiscard]] Json info() const;  ///< kernel_info_reply's content

Q_SIGNALS:
    void stateChanged(celldeck::kernels::KernelState state);
    /// It is stopped or starved: its heartbeat has not been answered three times; or it is back.
    void respondingChanged(bool responding);
    /// The process has ended without being asked to.
    void died(const QString &reason);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

}  // namespace celldeck::kernels
