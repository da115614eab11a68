#include "kernels/kernel.h"

#include <QLoggingCategory>
#include <csignal>

#include "kernels/kernelprivate.h"

namespace celldeck::kernels {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.kernels", QtInfoMsg)

// A connection ends with its process, but where another one has it too.
constexpr Milliseconds LastWords{400};

}  // namespace

Kernel::Kernel(KernelSpec spec, KernelOptions options, KernelPool &pool)
    : d(std::make_unique<Private>(this, std::move(spec), std::move(options), pool))
{
    connect(&d->process, &KernelProcess::finished, this, [this] {
        if (d->client)
            d->client->drain();
        if (d->client && d->cell.isActive())
            d->scope.start(d->takeLastWords());
        else
            d->handleEnd();
    });
    connect(&d->cell, &CellRun::inputRequested, this, [this](const InputRequest &request) {
        d->noteQuestion(request);
        Q_EMIT inputRequested(request);
    });
    // Or its answers would be orphans.
    connect(&d->cell, &CellRun::markerLeft, this,
            [this](const QByteArray &messageId) { d->inquiries.ignore(messageId); });
    connect(&d->cell, &CellRun::ended, this, [this] {
        if (d->question)
            d->question->remove();
        if (d->process.isRunning())
            d->setState(KernelState::Idle);
        else
            d->handleEnd();  // Nobody may take it for one that waits for the next cell.
    });
}

Kernel::~Kernel()
{
    d->process.disconnect(this);
    d->inquiries.end({ErrorCode::KernelDied, QStringLiteral("the kernel was ended")});
}

Waiter<Answer> Kernel::Private::ask(Channel channel, const QByteArray &type, Json content)
{
    const QByteArray id = client->newMessageId();
    const Waiter<Answer> answer = inquiries.expect(id);
    if (const Result<> sent = client->send(channel, type, id, std::move(content)); !sent)
        answer.resolve(fail(sent.error()));
    return answer;
}

Waiter<Answer> Kernel::ask(const QByteArray &type, Json content)
{
    if (d->state == KernelState::Dead)
        return Waiter<Answer>::resolved(fail(ErrorCode::KernelDied, d->process.reason()));
    return d->ask(Channel::Shell, type, std::move(content));
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

void Kernel::interrupt()
{
    if (d->takeBack(QStringLiteral("it was interrupted before it left for its kernel")))
        return;
    if (d->cell.input()) {
        d->cell.setInputDoubtful();
        d->question->remove();
    }
    if (d->spec.interruptMode != QLatin1String("message")) {
        d->process.signal(SIGINT);
        return;
    }
    (void)d->ask(Channel::Control, QByteArrayLiteral("interrupt_request"), Json::object());
}

bool Kernel::Private::takeBack(const QString &why)
{
    if (heldBack)
        heldBack->resolve(fail(ErrorCode::Stale, why));
    return heldBack.has_value();
}

QCoro::Task<Result<>> Kernel::shutdown()
{
    d->takeBack(QStringLiteral("its kernel was stopped before it left for it"));
    d->asked = true;
    if (d->process.isRunning()) {
        const Waiter<> ended = d->process.ended();
        (void)d->ask(Channel::Control, QByteArrayLiteral("shutdown_request"), {{"restart", false}});
        // As jupyter_client does. Some ipykernels answer, and hang as they end.
        const Milliseconds half = d->options.shutdownGrace / 2;
        Result<> over = co_await ended.wait(d->scope, half);
        if (!over && over.error().code == ErrorCode::Timeout) {
            d->process.signal(SIGTERM);
            over = co_await ended.wait(d->scope, half);
        }
        if (!over && over.error().code == ErrorCode::Timeout) {
            d->process.signal(SIGKILL);
            over = co_await ended.wait(d->scope);
        }
        if (!over)
            co_return over;
    } else if (!d->cell.isActive()) {
        co_return Result<>{};
    }
    const Waiter<> gone = d->gone;  // What its cell has printed is being taken in.
    co_return co_await gone.wait(d->scope);
}

KernelState Kernel::state() const
{
    return d->state;
}

bool Kernel::isResponding() const
{
    return d->responding;
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

QString Kernel::lastErrors() const
{
    return d->process.lastErrors();
}

void Kernel::Private::setState(KernelState now)
{
    if (std::exchange(state, now) == now)
        return;
    if (client)
        client->setBusy(now == KernelState::Busy);
    Q_EMIT q->stateChanged(now);
}

/// What it said before it went may still be on its way to us: a cell that runs keeps that.
QCoro::Task<> Kernel::Private::takeLastWords()
{
    for (const Waiter<> &ended : client->connectionsEnded()) {
        const Result<> all = co_await ended.wait(scope, LastWords);
        if (!all && all.error().code == ErrorCode::Cancelled)
            co_return;
        if (!all)
            qCInfo(log, "the last words of kernel %lld: %s", static_cast<long long>(process.pid()),
                   qUtf8Printable(all.error().message));
    }
    const Result<> all = co_await client->takeRest(scope);
    if (all)
        handleEnd();
}

void Kernel::Private::handleEnd()
{
    if (state == KernelState::Dead)
        return;
    place.reset();
    const QString reason = process.reason();
    const bool wasIdle = state == KernelState::Idle && !cell.isActive();
    setState(KernelState::Dead);
    inquiries.end({ErrorCode::KernelDied, reason});
    listening.resolve(fail(ErrorCode::KernelDied, reason));
    if (client) {
        client->stopHeartbeat();
        client->canBeAsked().resolve(fail(ErrorCode::KernelDied, reason));
    }
    cell.abandon(
        {ErrorCode::KernelDied, QStringLiteral("the kernel died while it ran: ") + reason});
    if (question)
        question->remove();
    if (!asked)
        Q_EMIT q->died(reason, wasIdle);
    gone.resolve({});
}

/// The cell that runs keeps what has come, and is told. What says that it has ended may be lost
/// too: so a request behind it tells.
void Kernel::Private::handleLoss(Channel channel, const Error &why)
{
    qCCritical(log, "kernel %lld: %s", static_cast<long long>(process.pid()),
               qUtf8Printable(why.message));
    // What has not left has said nothing.
    if (channel != Channel::Iopub || !cell.isActive() || heldBack)
        return;
    cell.note(
        QStringLiteral("[celldeck: some of the outputs are missing here: %1]").arg(why.message));
    const QByteArray marker = client->newMessageId();
    cell.setMarker(marker, PendingExecution::Heard::All);
    const Result<> sent = client->send(Channel::Shell, QByteArrayLiteral("kernel_info_request"),
                                       marker, Json::object());
    if (sent)
        return;
    cell.abandon(sent.error());
    if (process.isRunning())
        setState(KernelState::Idle);
}

}  // namespace celldeck::kernels
