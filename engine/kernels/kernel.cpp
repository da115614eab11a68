#include "kernels/kernel.h"

#include <QLoggingCategory>
#include <csignal>

#include "kernels/kernelprivate.h"
#include "kernels/processusage.h"

namespace celldeck::kernels {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.kernels", QtInfoMsg)

// What a kernel says before our subscription has reached it is lost; so one that answers, but was
// not heard on iopub, is asked again after so long at first, and at last: one that answers nothing
// while it runs a cell is not to be buried in questions.
constexpr Milliseconds FirstGreeting{250};
constexpr Milliseconds LastGreeting{60'000};

constexpr int WidgetsAtOnce = 64;

// A connection ends with its process, but where another one has it too.
constexpr Milliseconds LastWords{400};

/// What to do about one that does not start.
QString advice(const KernelSpec &spec)
{
    return QStringLiteral("try its command by hand (%1), or choose another kernel")
        .arg(spec.argv.join(QLatin1Char(' ')));
}

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

QCoro::Task<Result<>> Kernel::start()
{
    if (const Result<> room = d->pool.hasRoom(); !room)
        co_return room;
    d->place.emplace(d->pool);
    auto connection = ConnectionFile::create(d->options.runtimeDirectory, d->spec.name);
    if (!connection)
        co_return fail(connection.error());
    if (const Result<> opened = d->connectTo(std::move(*connection), Private::Found::New); !opened)
        co_return opened;
    d->process.start(d->spec, d->connection->path(), d->options.workingDirectory, d->options.life);

    const auto asking =
        d->ask(Channel::Shell, QByteArrayLiteral("kernel_info_request"), Json::object());
    const Result<Answer> answer = co_await asking.wait(d->scope, d->options.startLimit);
    if (answer) {
        d->info = answer->content;
        const Result<> heard = co_await d->becomeHeard();
        if (heard) {
            d->connection->releasePorts();
            d->setState(KernelState::Idle);
            co_return d->client->startHeartbeat(d->options.heartbeatInterval);
        }
        if (d->process.isRunning())
            co_return heard;
    } else if (answer.error().code == ErrorCode::Cancelled) {
        co_return fail(answer.error());
    }
    if (!d->process.isRunning())
        co_return fail(ErrorCode::NoKernel,
                       QStringLiteral("the kernel \"%1\" did not start: %2; %3")
                           .arg(d->spec.name, d->process.reason(), advice(d->spec)));
    co_return d->silence(
        d->listening.isResolved()
            ? QStringLiteral("its iopub channel speaks, its shell channel is silent")
            : QStringLiteral("neither its shell nor its iopub channel has spoken"));
}

/// Ends when iopub has spoken: a kernel says there that it starts, and what it answers.
QCoro::Task<Result<>> Kernel::Private::becomeHeard()
{
    const auto deadline = std::chrono::steady_clock::now() + options.startLimit;
    while (std::chrono::steady_clock::now() < deadline) {
        const Result<> heard = co_await listening.wait(scope, FirstGreeting);
        if (heard || heard.error().code != ErrorCode::Timeout)
            co_return heard;
        (void)ask(Channel::Shell, QByteArrayLiteral("kernel_info_request"), Json::object());
    }
    co_return silence(QStringLiteral("its shell channel answers, its iopub channel is silent"));
}

Result<> Kernel::Private::connectTo(ConnectionFile file, Found found)
{
    connection = std::move(file);
    note.emplace(options.runtimeDirectory, session);
    question.emplace(options.runtimeDirectory, session);
    std::uint64_t sent = 0;
    if (found == Found::New) {
        if (const Result<> begun = note->begin(); !begun)
            return begun;
    } else {
        const auto last = note->takeUp();
        if (!last)
            return fail(last.error());
        sent = *last;
    }
    client =
        std::make_unique<KernelClient>(connection->info(), session, sent, options.runtimeDirectory);
    QObject::connect(client.get(), &KernelClient::received, q,
                     [this](Channel channel, const Message &message) { take(channel, message); });
    QObject::connect(client.get(), &KernelClient::lost, q,
                     [this](Channel channel, const Error &why) { handleLoss(channel, why); });
    client->setStoppedCheck([this] { return isStopped(process.pid()); });
    QObject::connect(client.get(), &KernelClient::respondingChanged, q, [this](bool now) {
        responding = now;
        Q_EMIT q->respondingChanged(now);
    });
    return client->open();
}

Result<> Kernel::attach(const KernelAddress &address)
{
    if (const Result<> room = d->pool.hasRoom(); !room)
        return room;
    d->place.emplace(d->pool);
    if (const Result<> adopted = d->process.adopt(address.process, address.connectionFile);
        !adopted)
        return adopted;
    auto file = ConnectionFile::adopt(address.connectionFile);
    if (!file)
        return fail(file.error());
    d->session = address.session;
    if (const Result<> connected = d->connectTo(std::move(*file), Private::Found::Left); !connected)
        return connected;
    d->state = KernelState::Idle;
    d->widgetsKnown = {};
    d->scope.start(d->greet());
    return d->client->startHeartbeat(d->options.heartbeatInterval);
}

/// Until iopub has spoken, a request's outputs could be lost: a subscription takes its time.
QCoro::Task<> Kernel::Private::greet()
{
    for (Milliseconds pause = FirstGreeting; process.isRunning();
         pause = std::min(2 * pause, LastGreeting)) {
        // On the control channel, which ipykernel serves while it runs a cell.
        const auto asking =
            ask(Channel::Control, QByteArrayLiteral("kernel_info_request"), Json::object());
        const Result<> heardIt = co_await listening.wait(scope, pause);
        if (heardIt || heardIt.error().code == ErrorCode::Cancelled)
            break;
        if (asking.isResolved())
            pause = FirstGreeting / 2;  // It answers: only its iopub is not there yet.
    }
    co_await learnWidgets();
}

/// What the widgets of a kernel that was taken up are by now: each is asked. The questions lie
/// behind the cell that it runs.
QCoro::Task<> Kernel::Private::learnWidgets()
{
    const auto asking = ask(Channel::Shell, QByteArrayLiteral("comm_info_request"),
                            {{"target_name", CommBook::Target}});
    const Result<Answer> answer = co_await asking.wait(scope);
    if (!answer)
        co_return;
    QStringList left;
    if (const Json *open = find(answer->content, "comms"); open && open->is_object()) {
        for (const auto &[id, comm] : open->items())
            left << QString::fromStdString(id);
    }
    // A request without a reply is remembered until others take its place: so some at a time, and
    // one behind them that is answered.
    do {
        for (int i = 0; i < WidgetsAtOnce && !left.isEmpty(); ++i) {
            const QByteArray request = client->newMessageId();
            inquiries.ignore(request);
            const Result<> sent = client->send(
                Channel::Shell, QByteArrayLiteral("comm_msg"), request,
                {{"comm_id", left.takeFirst()}, {"data", {{"method", "request_state"}}}});
            if (!sent)
                co_return;
        }
        const QByteArray last = client->newMessageId();
        inquiries.ignore(last);
        const Waiter<> allSaid = inquiries.concluded(last);
        if (!client->send(Channel::Shell, QByteArrayLiteral("kernel_info_request"), last,
                          Json::object()))
            co_return;
        const Result<> said = co_await allSaid.wait(scope);
        if (!said)
            co_return;
    } while (!left.isEmpty());
    widgetsKnown.resolve({});
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

/// What a kernel that did not get ready has left out, and what its process says.
std::unexpected<Error> Kernel::Private::silence(const QString &channels) const
{
    QString what = channels;
    if (const QString errors = process.lastErrors(); !errors.isEmpty())
        what += QStringLiteral("; its last words: ") + errors;
    return fail(ErrorCode::NoKernel,
                QStringLiteral("the kernel \"%1\" did not answer within %2 s (%3); %4")
                    .arg(spec.name)
                    .arg(options.startLimit.count() / 1000)
                    .arg(what, advice(spec)));
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
