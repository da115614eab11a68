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
#include "kernels/inquiries.h"
#include "kernels/kernelpool.h"
#include "kernels/kernelprocess.h"
#include "kernels/kernelspec.h"
#include "kernels/pendingexecution.h"

namespace celldeck::kernels {

enum class KernelState { Starting, Idle, Busy, Dead };

struct ExecuteOptions
{
    bool allowStdin = false;
    bool storeHistory = true;
    bool stopOnError = false;
    QSet<QString> shownBefore = {};  ///< see OutputCollector
};

struct KernelOptions
{
    QString name = {};  ///< What its owner calls it: its orphans are listed under that.
    QString workingDirectory;
    QString runtimeDirectory;  ///< Where the connection file goes: 0700, the file 0600.
    /// The folder where texts go that are too long for memory; "": none do.
    QString spoolDirectory = {};
    Milliseconds startLimit{60'000};
    /// From being asked to end to SIGKILL; SIGTERM comes when half of it has passed.
    Milliseconds shutdownGrace{5'000};
    Milliseconds heartbeatInterval{15'000};
    KernelLife life = KernelLife::WithEngine;
};

/// Where a kernel is found again after its engine has died.
struct KernelAddress
{
    ProcessIdentity process;
    QString connectionFile;  ///< path
    QString session;         ///< what our messages call themselves
};

/// A kernel process of ours and the client that talks to it: starts it in its own process group,
/// waits until it is ready, runs one cell at a time, answers what a cell asks, asks what is no
/// cell, notices at once when it dies. Which message belongs to what is its MessageRouter's affair,
/// how they become outputs its PendingExecution's.
///
/// Owned by a session. Thread: the engine's. Stopping: `shutdown()` asks, then kills the whole
/// group after the grace; the destructor kills at once.
class Kernel final : public QObject
{
    Q_OBJECT

public:
    /// Requires: a pool that outlives it.
    Kernel(KernelSpec spec, KernelOptions options, KernelPool &pool);
    ~Kernel() override;

    /// Fails with NoKernel (message with the end of the kernel's stderr), Timeout or Cancelled.
    [[nodiscard]] QCoro::Task<Result<>> start();

    /// Takes up a kernel that an earlier engine has started. Fails with NotFound if its process has
    /// ended, with Io if it cannot be reached.
    [[nodiscard]] Result<> attach(const KernelAddress &address);
    /// Requires: started or attached. nullopt once its process has ended.
    [[nodiscard]] std::optional<KernelAddress> address() const;

    /// A fresh msg_id: committed by the caller before `execute` sends it, which also notes it for
    /// a later engine: see `wasSent`.
    [[nodiscard]] QByteArray newMessageId() const;

    /// Sends the request and ends when its execute_reply and its idle have both come. `left` is
    /// called when it has left: what ends before that has not run. `changed` is called with the
    /// outputs so far, at most 30 times a second. Fails with KernelDied (`partial` of the error is
    /// kept in `lastOutputs()`), Stale (interrupted before it left) or Cancelled.
    /// Requires: started, and no other execution in flight.
    [[nodiscard]] QCoro::Task<Result<Execution>> execute(
        QByteArray messageId, QString code, ExecuteOptions options,
        std::function<void(const Json &outputs)> changed, std::function<void()> left = {});

    /// Ends as `execute` does, for a request that an earlier engine has sent, and of which it has
    /// recorded `soFar` and `displays`. Fails with Missed too: it ended while no engine listened.
    /// Requires: attached, and no other execution in flight.
    [[nodiscard]] QCoro::Task<Result<Execution>> follow(
        QByteArray messageId, Json soFar, DisplayState displays, QSet<QString> shownBefore,
        std::function<void(const Json &outputs)> changed);

    /// The outputs of the current or last execution, also when it failed.
    [[nodiscard]] const Json &lastOutputs() const;
    [[nodiscard]] std::optional<std::int64_t> lastExecutionCount() const;
    /// As Execution's, also when it failed.
    [[nodiscard]] const DisplayState &lastDisplays() const;

    /// The last one's have come where they belong. Does nothing while one runs.
    void forgetLast();

    /// A notebook's `metadata.widgets`, or null; if it has changed since `since`, which is then
    /// what to ask with next. Nothing before `widgetsKnown`.
    [[nodiscard]] std::optional<Json> widgets(std::uint64_t &since) const;
    /// Resolves once a kernel that was taken up has told what its widgets are by now; it does so
    /// behind the cell that it runs. Never for one that knows of no comms.
    [[nodiscard]] Waiter<> widgetsKnown() const;

    /// By signal or message, as the kernelspec says. The execution then ends by itself.
    void interrupt();

    /// What the cell that runs asks for and waits for; nullopt while it does not.
    [[nodiscard]] std::optional<InputRequest> input() const;
    /// Whether the cell that runs is followed, and so may have asked while nobody listened: it can
    /// be answered once too. If it has not asked, ipykernel forgets that answer before it does.
    [[nodiscard]] bool mayHaveAsked() const;
    /// Fails with Conflict if no
    /// cell waits for input, with Io: then it waits still.
    [[nodiscard]] Result<> answerInput(const QString &text);

    /// Sends a request that runs no cell, e.g. `complete_request`, and resolves with its reply's
    /// content; a kernel that is busy with a cell answers behind it. Fails with KernelDied or Io.
    /// Requires: started or attached.
    [[nodiscard]] Waiter<Answer> ask(const QByteArray &type, Json content);

    [[nodiscard]] QCoro::Task<Result<>> shutdown();

    [[nodiscard]] KernelState state() const;
    /// Whether its heartbeat is answered.
    [[nodiscard]] bool isResponding() const;
    [[nodiscard]] const KernelSpec &spec() const;
    [[nodiscard]] qint64 pid() const;
    [[nodiscard]] Json info() const;  ///< kernel_info_reply's content
    /// The end of what its process has written to stderr.
    [[nodiscard]] QString lastErrors() const;

Q_SIGNALS:
    void stateChanged(celldeck::kernels::KernelState state);
    /// It is stopped or starved: its heartbeat has not been answered three times; or it is back.
    void respondingChanged(bool responding);
    /// The cell that an earlier engine has sent is followed from here: see `mayHaveAsked`.
    void followed();
    /// The cell that runs waits for an answer.
    void inputRequested(const celldeck::kernels::InputRequest &request);
    /// The process has ended without being asked to; while it was idle, there is no cell to tell.
    void died(const QString &reason, bool wasIdle);

private:
    struct Private;
    std::unique_ptr<Private> d;
};

}  // namespace celldeck::kernels
