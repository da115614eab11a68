#include "kernels/kernel.h"

#include <QLoggingCategory>
#include <QUuid>
#include <csignal>

#include "kernels/cellrun.h"
#include "kernels/commbook.h"
#include "kernels/connectionfile.h"
#include "kernels/kernelclient.h"
#include "kernels/messagerouter.h"
#include "kernels/sentnote.h"

namespace celldeck::kernels {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.kernels", QtInfoMsg)

// Between SIGTERM and SIGKILL.
constexpr Milliseconds TerminateGrace{1'000};

// What a kernel says before our subscription has reached it is lost; so one that answers, but was
// not heard on iopub, is asked again after so long at first, and at last: one that answers nothing
// while it runs a cell is not to be buried in questions.
constexpr Milliseconds FirstGreeting{250};
constexpr Milliseconds LastGreeting{60'000};

// A connection ends with its process, but where another one has it too.
constexpr Milliseconds LastWords{400};

}  // namespace

struct Kernel::Private
{
    Private(Kernel *kernel, KernelSpec ofSpec, KernelOptions given, KernelPool &ofPool)
        : q(kernel),
          spec(std::move(ofSpec)),
          options(std::move(given)),
          pool(ofPool),
          router(pool.orphans(), options.name)
    {}

    void setState(KernelState now);
    void take(Channel channel, const Message &message);
    enum class Found { New, Left };
    Result<> connectTo(ConnectionFile file, Found found);
    [[nodiscard]] Waiter<Answer> ask(Channel channel, const QByteArray &type, Json content);
    QCoro::Task<Result<>> becomeHeard();
    QCoro::Task<> greet();
    void tellComms();
    QCoro::Task<Result<Execution>> ended(Waiter<Execution> done);
    [[nodiscard]] QString spoolPath(const QByteArray &messageId) const;
    QCoro::Task<> takeLastWords();
    void handleEnd();
    [[nodiscard]] std::unexpected<Error> silence(const QString &channels) const;

    Kernel *q;
    const KernelSpec spec;
    const KernelOptions options;
    KernelPool &pool;
    std::optional<KernelPool::Place> place;
    KernelState state = KernelState::Starting;
    Json info = Json::object();
    bool asked = false;  // to end
    bool responding = true;
    Waiter<> listening;  // what iopub says reaches us
    QString session = QUuid::createUuid().toString(QUuid::WithoutBraces);
    MessageRouter router;
    Inquiries inquiries{router};
    CellRun cell{router};
    CommBook comms;
    bool isAttached = false;
    std::optional<ConnectionFile> connection;
    std::optional<SentNote> note;
    KernelProcess process;
    std::unique_ptr<KernelClient> client;
    TaskScope scope;
};

Kernel::Kernel(KernelSpec spec, KernelOptions options, KernelPool &pool)
    : d(std::make_unique<Private>(this, std::move(spec), std::move(options), pool))
{
    connect(&d->process, &KernelProcess::finished, this, [this] {
        if (d->client)
            d->client->drain();
        if (d->cell.isActive() && !d->asked)
            d->scope.start(d->takeLastWords());
        else
            d->handleEnd();
    });
    connect(&d->cell, &CellRun::inputRequested, this, &Kernel::inputRequested);
    connect(&d->cell, &CellRun::ended, this, [this] {
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
        co_return fail(ErrorCode::NoKernel, QStringLiteral("the kernel \"%1\" did not start: %2")
                                                .arg(d->spec.name, d->process.reason()));
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
    client = std::make_unique<KernelClient>(connection->info(), session, sent);
    QObject::connect(client.get(), &KernelClient::received, q,
                     [this](Channel channel, const Message &message) { take(channel, message); });
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
    d->isAttached = true;
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

QCoro::Task<Result<Execution>> Kernel::execute(QByteArray messageId, QString code,
                                               ExecuteOptions options,
                                               std::function<void(const Json &)> changed)
{
    if (d->state == KernelState::Dead)
        co_return fail(ErrorCode::KernelDied,
                       QStringLiteral("the kernel died before it ran: ") + d->process.reason());
    const Waiter<Execution> done = d->cell.begin(
        PendingExecution(messageId, Json::array(), d->spoolPath(messageId)), std::move(changed));
    d->setState(KernelState::Busy);
    if (!d->listening.isResolved()) {
        const Waiter<> listening = d->listening;
        const Result<> heard = co_await listening.wait(d->scope);
        if (!heard)
            co_return fail(heard.error());
    }
    Result<> sent = d->note->put(messageId);
    if (sent)
        sent = d->client->send(Channel::Shell, QByteArrayLiteral("execute_request"), messageId,
                               {{"code", code},
                                {"silent", false},
                                {"store_history", options.storeHistory},
                                {"user_expressions", Json::object()},
                                {"allow_stdin", options.allowStdin},
                                {"stop_on_error", options.stopOnError}});
    if (sent) {
        d->client->expectAnswer();
    } else {
        d->cell.abandon(sent.error());
        d->setState(KernelState::Idle);
    }
    co_return co_await d->ended(done);
}

QCoro::Task<Result<Execution>> Kernel::follow(QByteArray messageId, Json soFar,
                                              std::function<void(const Json &)> changed)
{
    if (d->state == KernelState::Dead)
        co_return fail(ErrorCode::KernelDied,
                       QStringLiteral("the kernel died while it ran: ") + d->process.reason());
    d->setState(KernelState::Busy);
    const Waiter<Execution> done =
        d->cell.begin(PendingExecution(messageId, std::move(soFar), d->spoolPath(newMessageId())),
                      std::move(changed));
    const Waiter<> listening = d->listening;
    const Result<> heard = co_await listening.wait(d->scope);
    if (!heard)
        co_return fail(heard.error());
    qCInfo(log, "the kernel %lld is heard again", static_cast<long long>(pid()));
    // It may have ended meanwhile; else the marker goes in behind it.
    if (d->cell.isActive()) {
        const QByteArray marker = newMessageId();
        d->cell.setMarker(marker);
        const Result<> sent = d->client->send(
            Channel::Shell, QByteArrayLiteral("kernel_info_request"), marker, Json::object());
        if (!sent)
            d->cell.abandon(sent.error());
    }
    co_return co_await d->ended(done);
}

/// An execution's end, when all that it printed is where it belongs.
QCoro::Task<Result<Execution>> Kernel::Private::ended(Waiter<Execution> done)
{
    const Result<Execution> execution = co_await done.wait(scope);
    if (cell.isSettled() || (!execution && execution.error().code == ErrorCode::Cancelled))
        co_return execution;
    const Waiter<> settling = cell.settled();
    const Result<> settled = co_await settling.wait(scope);
    if (!settled)
        co_return fail(settled.error());
    co_return execution;
}

QString Kernel::Private::spoolPath(const QByteArray &messageId) const
{
    if (options.spoolDirectory.isEmpty())
        return {};
    return options.spoolDirectory + QStringLiteral("/.partial-") + QString::fromLatin1(messageId);
}

Json Kernel::lastOutputs() const
{
    return d->cell.outputs();
}

std::optional<Json> Kernel::widgets(std::uint64_t &since) const
{
    if (d->isAttached || since == d->comms.version())
        return std::nullopt;
    since = d->comms.version();
    return d->comms.widgets();
}

std::optional<InputRequest> Kernel::input() const
{
    return d->cell.input();
}

Result<> Kernel::answerInput(const QString &text)
{
    const auto request = input();
    if (!request)
        return fail(ErrorCode::Conflict, QStringLiteral("no cell waits for input"));
    d->cell.setInputAnswered();
    return d->client->send(Channel::Stdin, QByteArrayLiteral("input_reply"), newMessageId(),
                           {{"value", text}, {"status", "ok"}}, request->header);
}

void Kernel::interrupt()
{
    if (d->spec.interruptMode != QLatin1String("message")) {
        d->process.signal(SIGINT);
        return;
    }
    (void)d->ask(Channel::Control, QByteArrayLiteral("interrupt_request"), Json::object());
}

QCoro::Task<Result<>> Kernel::shutdown()
{
    if (!d->process.isRunning() && d->cell.isActive())
        d->handleEnd();  // Nobody waits for its last words any more.
    d->asked = true;
    const Waiter<> ended = d->process.ended();
    if (!d->process.isRunning())
        co_return Result<>{};
    (void)d->ask(Channel::Control, QByteArrayLiteral("shutdown_request"), {{"restart", false}});
    const Result<> gone = co_await ended.wait(d->scope, d->options.shutdownGrace);
    if (gone || gone.error().code == ErrorCode::Cancelled)
        co_return gone;
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

void Kernel::Private::setState(KernelState now)
{
    if (std::exchange(state, now) != now)
        Q_EMIT q->stateChanged(now);
}

void Kernel::Private::take(Channel channel, const Message &message)
{
    if (channel == Channel::Iopub && !listening.isResolved())
        listening.resolve({});
    // Of itself, and not of a request, a kernel says that it starts.
    if (message.parentId().isEmpty() && message.type() == "status")
        return;
    if (channel == Channel::Iopub && comms.take(message))
        return;
    router.take(channel, message);
    if (channel == Channel::Iopub && message.type() == "status")
        tellComms();
}

/// The kernel's side of an Output widget knows what is in it, once its cell has ended and before
/// the next begins.
void Kernel::Private::tellComms()
{
    for (CommBook::Update &update : comms.takeUpdates()) {
        const QByteArray id = client->newMessageId();
        (void)inquiries.expect(id);  // It answers with its status only.
        const Result<> sent = client->send(Channel::Shell, QByteArrayLiteral("comm_msg"), id,
                                           std::move(update.content), std::move(update.parent));
        if (!sent)
            qCWarning(log, "%s", qUtf8Printable(sent.error().message));
    }
}

/// What a kernel that did not get ready has left out, and what its process says.
std::unexpected<Error> Kernel::Private::silence(const QString &channels) const
{
    QString what = channels;
    if (const QString errors = process.lastErrors(); !errors.isEmpty())
        what += QStringLiteral("; its last words: ") + errors;
    return fail(ErrorCode::NoKernel,
                QStringLiteral("the kernel \"%1\" did not answer within %2 s (%3)")
                    .arg(spec.name)
                    .arg(options.startLimit.count() / 1000)
                    .arg(what));
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
    client->drain();
    handleEnd();
}

void Kernel::Private::handleEnd()
{
    if (state == KernelState::Dead)
        return;
    place.reset();
    const QString reason = process.reason();
    setState(KernelState::Dead);
    inquiries.end({ErrorCode::KernelDied, reason});
    listening.resolve(fail(ErrorCode::KernelDied, reason));
    cell.abandon(
        {ErrorCode::KernelDied, QStringLiteral("the kernel died while it ran: ") + reason});
    if (!asked)
        Q_EMIT q->died(reason);
}

}  // namespace celldeck::kernels
