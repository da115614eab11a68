#pragma once

#include <QCoroTask>
#include <QObject>
#include <array>
#include <memory>

#include "async/waiter.h"
#include "kernels/connectionfile.h"
#include "kernels/message.h"
#include "kernels/wiremessage.h"

namespace celldeck::kernels {

/// Speaks with one kernel: sends requests, and says what came on which channel. Forged, broken and
/// replayed messages are logged and dropped.
///
/// Owned by a Kernel. Thread: the engine's. Stopping: with its owner; nothing comes after, nor
/// while it goes.
class KernelClient final : public QObject
{
    Q_OBJECT

public:
    /// `session`: what we call ourselves towards the kernel. Under the same name a later client
    /// gets the answers to what an earlier one has asked. Its messages are numbered on from `sent`.
    /// `backlogFolder`: of what the kernel prints; see FrameBacklog.
    KernelClient(const ConnectionInfo &connection, const QString &session, std::uint64_t sent,
                 const QString &backlogFolder);
    ~KernelClient() override;

    /// Connects all channels. Fails with Io.
    [[nodiscard]] Result<> open();
    /// `parent`: the header of what this answers. Requires: not Iopub. Fails with Io.
    [[nodiscard]] Result<> send(Channel channel, const QByteArray &type, const QByteArray &id,
                                Json content, Header parent = {});
    [[nodiscard]] QByteArray newMessageId();
    /// Resolves when the kernel can ask us: what it asks before its stdin channel has our
    /// connection is lost, and it waits for the answer for good. Fails with Io.
    [[nodiscard]] Waiter<> canBeAsked() const;
    /// Takes in what has come already, but for what is still being unpacked.
    void drain();
    /// The same, and returns when it has taken in that too. Fails with Cancelled: the scope, which
    /// is that of whoever waits, has ended.
    [[nodiscard]] QCoro::Task<Result<>> takeRest(const TaskScope &scope);
    /// The kernel's process has ended: when these have resolved, all that it said is there for
    /// `drain`. (Reading is ZeroMQ's thread's affair, which may be behind.) Requires: called once.
    [[nodiscard]] std::array<Waiter<>, 2> connectionsEnded();
    /// After a request: what iopub says is taken in when the kernel answers or asks, or after a
    /// short time at the latest. What a kernel says as a cell begins, and all that a short one
    /// says, comes in one go then, instead of waking us each time.
    void expectAnswer();
    /// From now on, a ping each `interval`. Fails with Io.
    [[nodiscard]] Result<> startHeartbeat(Milliseconds interval);
    /// Its process is gone: that is known, and needs no pings.
    void stopHeartbeat();
    /// With true, a cell begins: what an answer to a ping means.
    void setBusy(bool busy);
    /// As Heartbeat's.
    void setStoppedCheck(std::function<bool()> isStopped);

Q_SIGNALS:
    void received(celldeck::kernels::Channel channel, const celldeck::kernels::Message &message);
    /// Some of what it said on that channel is lost: the disk, to which it went, cannot be read.
    void lost(celldeck::kernels::Channel channel, const celldeck::Error &why);
    /// The kernel no longer answers its heartbeat, or does again.
    void respondingChanged(bool responding);

private:
    void take(Channel channel, Result<Frames> frames);
    QCoro::Task<> takeBig(Channel channel, Frames frames);
    void deliver(Channel channel, const Result<Message> &message);
    void noticeIopub();

    struct Private;
    std::unique_ptr<Private> d;
};

}  // namespace celldeck::kernels
