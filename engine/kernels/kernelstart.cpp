#include "kernels/kernelprivate.h"
#include "kernels/processusage.h"

// How a kernel begins, or is taken up: until it is heard, and its widgets are known.
namespace celldeck::kernels {

namespace {

// What a kernel says before our subscription has reached it is lost; so one that answers, but was
// not heard on iopub, is asked again after so long at first, and at last: one that answers nothing
// while it runs a cell is not to be buried in questions.
constexpr Milliseconds FirstGreeting{250};
constexpr Milliseconds LastGreeting{60'000};

constexpr int WidgetsAtOnce = 64;

/// What to do about one that does not start.
QString advice(const KernelSpec &spec)
{
    return QStringLiteral("try its command by hand (%1), or choose another kernel")
        .arg(spec.argv.join(QLatin1Char(' ')));
}

}  // namespace

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

}  // namespace celldeck::kernels
