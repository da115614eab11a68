#include "kernels/kernelclient.h"

#include <QLoggingCategory>
#include <QPointer>
#include <QTimer>
#include <QUuid>
#include <algorithm>
#include <zmq.hpp>

#include "async/background.h"
#include "async/taskscope.h"
#include "async/turn.h"
#include "base/clock.h"
#include "kernels/heartbeat.h"
#include "kernels/zmqsocket.h"

Q_LOGGING_CATEGORY(lcClient, "celldeck.kernels.client", QtInfoMsg)

namespace celldeck::kernels {

namespace {

// Unpacked in another thread: it would stand in the way for a millisecond and more.
constexpr qsizetype BigFrameBytes = LongTextBytes;

// Under the pace at which people are shown what a cell prints.
constexpr Milliseconds UnnoticedFor{10};

}  // namespace

struct KernelClient::Private
{
    Private(const ConnectionInfo &info, const QString &name, std::uint64_t sentBefore,
            const QString &backlogFolder)
        : connection(info),
          codec(info.key),
          iopub(context, ZmqSocket::Kind::Subscriber, backlogFolder),
          session(name),
          sent(sentBefore)
    {
        // The kernel binds answers to the socket's identity.
        shell.setIdentity(session.toLatin1());
        control.setIdentity(session.toLatin1());
        input.setIdentity(session.toLatin1());
    }

    ZmqSocket &socketOf(Channel channel)
    {
        switch (channel) {
        case Channel::Shell:
            return shell;
        case Channel::Control:
            return control;
        case Channel::Stdin:
            return input;
        case Channel::Iopub:
            break;
        }
        return iopub;
    }

    const ConnectionInfo connection;
    WireCodec codec;
    // One context a client: no kernel's storm occupies another one's I/O thread, and there is no
    // global to end in the right order.
    zmq::context_t context{1};
    ZmqSocket shell{context, ZmqSocket::Kind::Dealer};
    ZmqSocket control{context, ZmqSocket::Kind::Dealer};
    ZmqSocket input{context, ZmqSocket::Kind::Dealer};
    ZmqSocket iopub;
    const Waiter<> canBeAsked = input.connected();
    Heartbeat heartbeat{context};
    const QString session;
    // Of this client: a later one under the same session must not use an id again.
    const QByteArray incarnation = QUuid::createUuid().toRfc4122().left(4).toHex();
    QString user = qEnvironmentVariable("USER", QStringLiteral("celldeck"));
    std::uint64_t sent;
    bool isUnnoticed = false;  // iopub
    QTimer unnoticed;
    Waiter<> unpacked;  // one of those that take their time
    TaskScope scope;
};

KernelClient::KernelClient(const ConnectionInfo &connection, const QString &session,
                           std::uint64_t sent, const QString &backlogFolder)
    : d(std::make_unique<Private>(connection, session, sent, backlogFolder))
{
    for (const Channel channel :
         {Channel::Shell, Channel::Control, Channel::Iopub, Channel::Stdin}) {
        d->socketOf(channel).setReceiver(
            [this, channel](Result<Frames> frames) { take(channel, std::move(frames)); });
    }
    d->unnoticed.setSingleShot(true);
    d->unnoticed.setTimerType(Qt::PreciseTimer);
    connect(&d->unnoticed, &QTimer::timeout, this, [this] {
        const Turn turn;
        noticeIopub();
    });
    connect(&d->heartbeat, &Heartbeat::respondingChanged, this, &KernelClient::respondingChanged);
}

KernelClient::~KernelClient()
{
    disconnect();
}

Result<> KernelClient::open()
{
    const auto connectTo = [](ZmqSocket &socket, int port) {
        return socket.connectTo(ConnectionInfo::endpoint(port));
    };
    if (const Result<> done = connectTo(d->iopub, d->connection.iopubPort); !done)
        return done;
    if (const Result<> done = connectTo(d->shell, d->connection.shellPort); !done)
        return done;
    if (const Result<> done = connectTo(d->control, d->connection.controlPort); !done)
        return done;
    return connectTo(d->input, d->connection.stdinPort);
}

QByteArray KernelClient::newMessageId()
{
    return d->session.toLatin1() + '_' + d->incarnation + '_' + QByteArray::number(++d->sent);
}

Result<> KernelClient::send(Channel channel, const QByteArray &type, const QByteArray &id,
                            Json content, Header parent)
{
    Message message;
    message.header = Json{
        {"msg_id", id.toStdString()}, {"msg_type", type.toStdString()},     {"session", d->session},
        {"username", d->user},        {"date", toIso(SystemClock().now())}, {"version", "5.3"},
    };
    message.parentHeader = std::move(parent);
    message.content = std::move(content);
    return d->socketOf(channel).send(d->codec.encode(message));
}

Result<> KernelClient::startHeartbeat(Milliseconds interval)
{
    return d->heartbeat.start(ConnectionInfo::endpoint(d->connection.heartbeatPort), interval);
}

void KernelClient::stopHeartbeat()
{
    d->heartbeat.stop();
}

void KernelClient::setStoppedCheck(std::function<bool()> isStopped)
{
    d->heartbeat.setStoppedCheck(std::move(isStopped));
}

void KernelClient::setBusy(bool busy)
{
    d->heartbeat.setBusy(busy);
}

void KernelClient::expectAnswer()
{
    d->isUnnoticed = true;
    d->iopub.setNoticed(false);
    d->unnoticed.start(UnnoticedFor);
}

void KernelClient::noticeIopub()
{
    if (!std::exchange(d->isUnnoticed, false))
        return;
    d->unnoticed.stop();
    d->iopub.setNoticed(true);
    d->iopub.drain();
}

void KernelClient::take(Channel channel, Result<Frames> frames)
{
    const QPointer<KernelClient> self(this);
    // First what the kernel has said before its answer, or before its question.
    if (channel == Channel::Shell || channel == Channel::Stdin)
        noticeIopub();
    if (!self)
        return;
    if (!frames) {
        Q_EMIT lost(channel, frames.error());
        return;
    }
    const auto isBig = [](const QByteArray &frame) { return frame.size() >= BigFrameBytes; };
    if (std::ranges::any_of(*frames, isBig))
        d->scope.start(takeBig(channel, std::move(*frames)));
    else
        deliver(channel, d->codec.decode(std::move(*frames)));
}

/// What comes behind it on its channel waits.
QCoro::Task<> KernelClient::takeBig(Channel channel, Frames frames)
{
    d->socketOf(channel).setPaused(true);
    const auto big = std::make_shared<Frames>(std::move(frames));
    const auto unpacking = inBackground<std::shared_ptr<Unpacked>>(
        [key = d->connection.key, big]() -> Result<std::shared_ptr<Unpacked>> {
            auto unpacked = unpack(Signer(key), std::move(*big));
            if (!unpacked)
                return fail(unpacked.error());
            return std::make_shared<Unpacked>(std::move(*unpacked));
        });
    const Result<std::shared_ptr<Unpacked>> unpacked = co_await unpacking.wait(d->scope);
    if (!unpacked && unpacked.error().code == ErrorCode::Cancelled)
        co_return;
    d->socketOf(channel).setPaused(false);
    d->unpacked.resolve({});
    deliver(channel, unpacked ? d->codec.accept(std::move(**unpacked))
                              : Result<Message>(fail(unpacked.error())));
}

void KernelClient::deliver(Channel channel, const Result<Message> &message)
{
    if (message)
        Q_EMIT received(channel, *message);
    else
        qCWarning(lcClient, "a message was refused: %s", qUtf8Printable(message.error().message));
}

Waiter<> KernelClient::canBeAsked() const
{
    return d->canBeAsked;
}

void KernelClient::drain()
{
    for (ZmqSocket *socket : {&d->shell, &d->iopub}) {
        while (socket->drain()) {
        }
    }
}

QCoro::Task<Result<>> KernelClient::takeRest(const TaskScope &scope)
{
    for (;;) {
        drain();
        if (!d->shell.isPaused() && !d->iopub.isPaused())
            co_return Result<>{};
        d->unpacked = {};
        const Waiter<> unpacked = d->unpacked;
        const Result<> oneMore = co_await unpacked.wait(scope);
        if (!oneMore)
            co_return oneMore;
    }
}

std::array<Waiter<>, 2> KernelClient::connectionsEnded()
{
    return {d->shell.connectionEnded(), d->iopub.connectionEnded()};
}

}  // namespace celldeck::kernels
