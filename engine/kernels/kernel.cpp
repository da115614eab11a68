#include "kernels/kernel.h"

#include <QSet>
#include <csignal>

#include "async/coalescer.h"
#include "async/waiter.h"
#include "kernels/connectionfile.h"
#include "kernels/kernelclient.h"
#include "kernels/kernelprocess.h"

namespace celldeck::kernels {

namespace {

constexpr Milliseconds OutputInterval{1000 / 30};
// A kernel_info_request that comes before the subscription has reached the kernel is answered on
// shell only, so it is sent again until iopub has been heard too.
constexpr Milliseconds HandshakeInterval{250};
// Between SIGTERM and SIGKILL.
constexpr Milliseconds TerminateGrace{1'000};

struct InFlight
{
    QByteArray messageId;
    OutputCollector collector;
    Execution execution;
    bool replied = false;
    bool idle = false;
    std::function<void(const Json &)> changed;
    Waiter<Execution> done;
};

Execution::Status statusOf(const Json &reply)
{
    const QString status = textOf(reply, "status");
    if (status == QLatin1String("ok"))
        return Execution::Status::Ok;
    return status == QLatin1String("error") ? Execution::Status::Error : Execution::Status::Aborted;
}

}  // namespace

struct Kernel::Private
{
    Private(Kernel *kernel, KernelSpec ofSpec, KernelOptions given)
        : q(kernel),
          spec(std::move(ofSpec)),
          options(std::move(given)),
          shown(OutputInterval, [this] { show(); })
    {}

    void setState(KernelState now);
    void take(Channel channel, const Message &message);
    void takeIopub(const Message &message);
    void takeReply(const Message &message);
    void finishIfComplete();
    void show();
    void handleEnd();
    [[nodiscard]] QString silence() const;

    Kernel *q;
    const KernelSpec spec;
    const KernelOptions options;
    KernelState state = KernelState::Starting;
    Json info = Json::object();
    Json lastOutputs = Json::array();
    bool asked = false;  // to end
    // Of every kernel_info_request: a kernel that is slow answers an early one late.
    QSet<QByteArray> handshakes;
    bool answered = false;
    bool heard = false;
    Waiter<> ready;
    std::optional<InFlight> inFlight;
    std::optional<ConnectionFile> connection;
    KernelProcess process;
    std::unique_ptr<KernelClient> client;
    Coalescer shown;
    TaskScope scope;
};

Kernel::Kernel(KernelSpec spec, KernelOptions options)
    : d(std::make_unique<Private>(this, std::move(spec), std::move(options)))
{
    connect(&d->process, &KernelProcess::finished, this, [this] { d->handleEnd(); });
}

Kernel::~Kernel()
{
    d->process.disconnect(this);
}

QCoro::Task<Result<>> Kernel::start()
{
    auto connection = ConnectionFile::create(d->options.runtimeDirectory, d->spec.name);
    if (!connection)
        co_return fail(connection.error());
    d->connection = std::move(*connection);
    d->client = std::make_unique<KernelClient>(d->connection->info());
    connect(d->client.get(), &KernelClient::received, this,
            [this](Channel channel, const Message &message) { d->take(channel, message); });
    connect(d->client.get(), &KernelClient::respondingChanged, this, &Kernel::respondingChanged);
    if (const Result<> opened = d->client->open(); !opened)
        co_return opened;
    d->process.start(d->spec, d->connection->path(), d->options.workingDirectory);

    const auto deadline = std::chrono::steady_clock::now() + d->options.startLimit;
    while (std::chrono::steady_clock::now() < deadline && d->process.isRunning()) {
        const QByteArray handshake = newMessageId();
        d->handshakes.insert(handshake);
        const Result<> sent = d->client->send(
            Channel::Shell, QByteArrayLiteral("kernel_info_request"), handshake, Json::object());
        if (!sent)
            co_return sent;
        const Result<> ready = co_await d->ready.wait(d->scope, HandshakeInterval);
        if (ready) {
            d->connection->releasePorts();
            d->handshakes.clear();
            d->setState(KernelState::Idle);
            co_return d->client->startHeartbeat(d->options.heartbeatInterval);
        }
        if (ready.error().code != ErrorCode::Timeout)
            co_return ready;
    }
    if (!d->process.isRunning())
        co_return fail(ErrorCode::NoKernel, QStringLiteral("the kernel \"%1\" did not start: %2")
                                                .arg(d->spec.name, d->process.reason()));
    co_return fail(ErrorCode::NoKernel,
                   QStringLiteral("the kernel \"%1\" did not answer within %2 s (%3)")
                       .arg(d->spec.name)
                       .arg(d->options.startLimit.count() / 1000)
                       .arg(d->silence()));
}

QByteArray Kernel::newMessageId() const
{
    return d->client->newMessageId();
}

QCoro::Task<Result<Execution>> Kernel::execute(QByteArray messageId, QString code,
                                               ExecuteOptions options,
                                               std::function<void(const Json &)> changed)
{
    if (d->state == KernelState::Dead)
        co_return fail(ErrorCode::KernelDied, d->process.reason());
    d->inFlight.emplace();
    d->inFlight->messageId = messageId;
    d->inFlight->changed = std::move(changed);
    d->lastOutputs = Json::array();
    const Waiter<Execution> done = d->inFlight->done;
    const Result<> sent =
        d->client->send(Channel::Shell, QByteArrayLiteral("execute_request"), messageId,
                        {{"code", code},
                         {"silent", false},
                         {"store_history", options.storeHistory},
                         {"user_expressions", Json::object()},
                         {"allow_stdin", options.allowStdin},
                         {"stop_on_error", options.stopOnError}});
    if (!sent) {
        d->inFlight.reset();
        co_return fail(sent.error());
    }
    d->setState(KernelState::Busy);
    co_return co_await done.wait(d->scope);
}

Json Kernel::lastOutputs() const
{
    return d->inFlight ? d->inFlight->collector.outputs() : d->lastOutputs;
}

void Kernel::interrupt()
{
    if (d->spec.interruptMode != QLatin1String("message")) {
        d->process.signal(SIGINT);
        return;
    }
    const Result<> sent = d->client->send(Channel::Control, QByteArrayLiteral("interrupt_request"),
                                          newMessageId(), Json::object());
    if (!sent)
        qWarning("the interrupt was not sent: %s", qUtf8Printable(sent.error().message));
}

QCoro::Task<Result<>> Kernel::shutdown()
{
    d->asked = true;
    const Waiter<> ended = d->process.ended();
    if (!d->process.isRunning())
        co_return Result<>{};
    const Result<> sent = d->client->send(Channel::Control, QByteArrayLiteral("shutdown_request"),
                                          newMessageId(), {{"restart", false}});
    if (sent) {
        const Result<> gone = co_await ended.wait(d->scope, d->options.shutdownGrace);
        if (gone || gone.error().code == ErrorCode::Cancelled)
            co_return gone;
    }
    d->process.signal(SIGTERM);
    const Result<> terminated = co_await ended.wait(d->scope, TerminateGrace);
    if (terminated || terminated.error().code == ErrorCode::Cancelled)
        co_return terminated;
    d->process.signal(SIGKILL);
    co_return co_await ended.wait(d->scope);
}

KernelState Kernel::state() const
{
    return d->state;
}

const KernelSpec &Kernel::spec() const
{
    return d->spec;
}

qint64 Kernel::pid() const
{
    return d->process.pid();
}

Json Kernel::info() const
{
    return d->info;
}

void Kernel::Private::setState(KernelState now)
{
    if (std::exchange(state, now) != now)
        Q_EMIT q->stateChanged(now);
}

void Kernel::Private::take(Channel channel, const Message &message)
{
    if (handshakes.contains(message.parentId())) {
        if (channel == Channel::Iopub)
            heard = true;
        if (channel == Channel::Shell && message.type() == "kernel_info_reply") {
            answered = true;
            info = message.content;
        }
        if (heard && answered)
            ready.resolve({});
        return;
    }
    if (!inFlight || message.parentId() != inFlight->messageId)
        return;
    if (channel == Channel::Iopub)
        takeIopub(message);
    else if (channel == Channel::Shell && message.type() == "execute_reply")
        takeReply(message);
}

/// What a kernel that did not get ready has left out, and what its process says.
QString Kernel::Private::silence() const
{
    QString missing = QStringLiteral("neither its shell nor its iopub channel has spoken");
    if (answered)
        missing = QStringLiteral("its shell channel answers, its iopub channel is silent");
    else if (heard)
        missing = QStringLiteral("its iopub channel speaks, its shell channel is silent");
    const QString errors = process.lastErrors();
    return errors.isEmpty() ? missing : missing + QStringLiteral("; its last words: ") + errors;
}

void Kernel::Private::takeIopub(const Message &message)
{
    if (message.type() == "status") {
        if (textOf(message.content, "execution_state") == QLatin1String("idle")) {
            inFlight->idle = true;
            finishIfComplete();
        }
        return;
    }
    if (message.type() == "execute_input") {
        inFlight->execution.executionCount = findInt(message.content, "execution_count");
        return;
    }
    OutputCollector::Effect effect = inFlight->collector.apply(message);
    if (effect.update)
        inFlight->execution.updates.append(std::move(*effect.update));
    if (effect.changed)
        shown.poke();
}

void Kernel::Private::takeReply(const Message &message)
{
    Execution &execution = inFlight->execution;
    execution.status = statusOf(message.content);
    if (const auto count = findInt(message.content, "execution_count"))
        execution.executionCount = count;
    execution.errorName = textOf(message.content, "ename");
    execution.errorValue = textOf(message.content, "evalue");
    inFlight->replied = true;
    finishIfComplete();
}

void Kernel::Private::finishIfComplete()
{
    if (!inFlight->replied || !inFlight->idle)
        return;
    InFlight ended = std::move(*inFlight);
    inFlight.reset();
    ended.execution.outputs = ended.collector.outputs();
    ended.execution.displays = ended.collector.displays();
    lastOutputs = ended.execution.outputs;
    setState(KernelState::Idle);
    ended.done.resolve(std::move(ended.execution));
}

void Kernel::Private::show()
{
    if (inFlight && inFlight->changed)
        inFlight->changed(inFlight->collector.outputs());
}

void Kernel::Private::handleEnd()
{
    // What it said before it went may still be on its way through ZeroMQ's queue.
    if (client)
        client->drain();
    const QString reason = process.reason();
    ready.resolve(
        fail(ErrorCode::NoKernel,
             QStringLiteral("the kernel \"%1\" did not start: %2").arg(spec.name, reason)));
    setState(KernelState::Dead);
    if (inFlight) {
        InFlight ended = std::move(*inFlight);
        inFlight.reset();
        lastOutputs = ended.collector.outputs();
        ended.done.resolve(
            fail(ErrorCode::KernelDied, QStringLiteral("the kernel died while it ran: ") + reason));
    }
    if (!asked)
        Q_EMIT q->died(reason);
}

}  // namespace celldeck::kernels
