#include "kernels/kernel.h"

#include <QLoggingCategory>
#include <QSet>
#include <QUuid>
#include <csignal>

#include "async/coalescer.h"
#include "async/waiter.h"
#include "kernels/connectionfile.h"
#include "kernels/kernelclient.h"
#include "kernels/kernelprocess.h"
#include "kernels/pendingexecution.h"

namespace celldeck::kernels {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.kernels", QtInfoMsg)

constexpr Milliseconds OutputInterval{1000 / 30};
// A kernel_info_request that comes before the subscription has reached the kernel is answered on
// shell only, so it is sent again until iopub has been heard too.
constexpr Milliseconds HandshakeInterval{250};
// Between SIGTERM and SIGKILL.
constexpr Milliseconds TerminateGrace{1'000};

// How often an attached kernel is asked at first whether its iopub channel reaches us, and at last:
// one that answers nothing while it runs a cell is not to be buried in questions.
constexpr Milliseconds FirstGreeting{250};
constexpr Milliseconds LastGreeting{60'000};

struct InFlight
{
    PendingExecution execution;
    std::function<void(const Json &)> changed;
    Waiter<Execution> done;
};

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
    void finish();
    void show();
    Result<> connectTo(ConnectionFile file);
    QCoro::Task<> greet();
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
    Waiter<> listening;  // what iopub says reaches us
    QString session = QUuid::createUuid().toString(QUuid::WithoutBraces);
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
    if (const Result<> opened = d->connectTo(std::move(*connection)); !opened)
        co_return opened;
    d->process.start(d->spec, d->connection->path(), d->options.workingDirectory, d->options.life);

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
            d->listening.resolve({});
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

Result<> Kernel::Private::connectTo(ConnectionFile file)
{
    connection = std::move(file);
    client = std::make_unique<KernelClient>(connection->info(), session);
    QObject::connect(client.get(), &KernelClient::received, q,
                     [this](Channel channel, const Message &message) { take(channel, message); });
    QObject::connect(client.get(), &KernelClient::respondingChanged, q, &Kernel::respondingChanged);
    return client->open();
}

Result<> Kernel::attach(const KernelAddress &address)
{
    if (const Result<> adopted = d->process.adopt(address.process, address.connectionFile);
        !adopted)
        return adopted;
    auto file = ConnectionFile::adopt(address.connectionFile);
    if (!file)
        return fail(file.error());
    d->session = address.session;
    if (const Result<> connected = d->connectTo(std::move(*file)); !connected)
        return connected;
    d->state = KernelState::Idle;
    d->scope.start(d->greet());
    return d->client->startHeartbeat(d->options.heartbeatInterval);
}

/// Until iopub has spoken, a request's outputs could be lost: a subscription takes its time.
QCoro::Task<> Kernel::Private::greet()
{
    for (Milliseconds pause = FirstGreeting; process.isRunning();
         pause = std::min(2 * pause, LastGreeting)) {
        // On the control channel, which ipykernel serves while it runs a cell.
        const Result<> sent =
            client->send(Channel::Control, QByteArrayLiteral("kernel_info_request"),
                         client->newMessageId(), Json::object());
        if (!sent)
            qWarning("%s", qUtf8Printable(sent.error().message));
        const Result<> heardIt = co_await listening.wait(scope, pause);
        if (heardIt || heardIt.error().code == ErrorCode::Cancelled)
            co_return;
    }
}

std::optional<KernelAddress> Kernel::address() const
{
    const auto process = d->process.identity();
    if (!process || !d->connection)
        return std::nullopt;
    return KernelAddress{*process, d->connection->path(), d->session};
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
    d->inFlight.emplace(PendingExecution(messageId), std::move(changed), Waiter<Execution>());
    d->setState(KernelState::Busy);
    const Waiter<Execution> done = d->inFlight->done;
    if (!d->listening.isResolved()) {
        const Waiter<> listening = d->listening;
        const Result<> heard = co_await listening.wait(d->scope);
        if (!heard)
            co_return fail(heard.error());
    }
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
        d->setState(KernelState::Idle);
        co_return fail(sent.error());
    }
    co_return co_await done.wait(d->scope);
}

QCoro::Task<Result<Execution>> Kernel::follow(QByteArray messageId, Json soFar,
                                              std::function<void(const Json &)> changed)
{
    if (d->state == KernelState::Dead)
        co_return fail(ErrorCode::KernelDied, d->process.reason());
    d->inFlight.emplace(PendingExecution(messageId, std::move(soFar)), std::move(changed),
                        Waiter<Execution>());
    d->setState(KernelState::Busy);
    const Waiter<Execution> done = d->inFlight->done;
    const Waiter<> listening = d->listening;
    const Result<> heard = co_await listening.wait(d->scope);
    if (!heard)
        co_return fail(heard.error());
    qCInfo(log, "the kernel %lld is heard again", static_cast<long long>(pid()));
    // It may have ended meanwhile; else the marker goes in behind it.
    if (d->inFlight) {
        const QByteArray marker = newMessageId();
        d->inFlight->execution.setMarker(marker);
        const Result<> sent = d->client->send(
            Channel::Shell, QByteArrayLiteral("kernel_info_request"), marker, Json::object());
        if (!sent) {
            d->inFlight.reset();
            co_return fail(sent.error());
        }
    }
    co_return co_await done.wait(d->scope);
}

Json Kernel::lastOutputs() const
{
    return d->inFlight ? d->inFlight->execution.outputs() : d->lastOutputs;
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
    if (channel == Channel::Iopub && !listening.isResolved())
        listening.resolve({});
    if (!inFlight)
        return;
    switch (inFlight->execution.take(channel, message)) {
    case PendingExecution::Effect::OutputsChanged:
        shown.poke();
        break;
    case PendingExecution::Effect::Ended:
        finish();
        break;
    case PendingExecution::Effect::Foreign:
    case PendingExecution::Effect::None:
        break;
    }
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

void Kernel::Private::finish()
{
    const InFlight ended = std::move(*inFlight);
    inFlight.reset();
    lastOutputs = ended.execution.outputs();
    setState(KernelState::Idle);
    ended.done.resolve(ended.execution.result());
}

void Kernel::Private::show()
{
    if (inFlight && inFlight->changed)
        inFlight->changed(inFlight->execution.outputs());
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
    listening.resolve(fail(ErrorCode::KernelDied, reason));
    if (inFlight) {
        const InFlight ended = std::move(*inFlight);
        inFlight.reset();
        lastOutputs = ended.execution.outputs();
        ended.done.resolve(
            fail(ErrorCode::KernelDied, QStringLiteral("the kernel died while it ran: ") + reason));
    }
    if (!asked)
        Q_EMIT q->died(reason);
}

}  // namespace celldeck::kernels
