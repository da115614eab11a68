#include <QLoggingCategory>

#include "kernels/kernelprivate.h"

namespace celldeck::kernels {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.kernels", QtInfoMsg)

// In which a kernel that answers takes our connection to its stdin channel too, if it has one.
constexpr Milliseconds StdinLimit{5'000};

const QString TakenOver = QStringLiteral(
    "[celldeck: the engine was killed here, and another one took over: what the cell printed in "
    "between is missing]");

}  // namespace

QCoro::Task<Result<Execution>> Kernel::execute(QByteArray messageId, QString code,
                                               ExecuteOptions options,
                                               std::function<void(const Json &)> changed,
                                               std::function<void()> left)
{
    if (d->state == KernelState::Dead)
        co_return fail(ErrorCode::KernelDied,
                       QStringLiteral("the kernel died before it ran: ") + d->process.reason());
    const Waiter<Execution> done = d->cell.begin(
        PendingExecution(messageId, OutputCollector(Json::array(), d->spoolPath(messageId), {},
                                                    std::move(options.shownBefore))),
        std::move(changed));
    d->setState(KernelState::Busy);
    const Waiter<bool> ready;
    d->heldBack = ready;
    d->scope.start(d->becomeReady(options.allowStdin, ready));
    const Result<bool> canAsk = co_await ready.wait(d->scope);
    d->heldBack.reset();
    if (!canAsk) {
        if (canAsk.error().code == ErrorCode::Stale) {
            d->cell.abandon(canAsk.error());
            d->setState(KernelState::Idle);
        }
        co_return fail(canAsk.error());
    }
    if (d->asked || !d->process.isRunning()) {
        const Error why =
            d->asked
                ? Error{ErrorCode::Stale,
                        QStringLiteral("its kernel was stopped before it left for it")}
                : Error{ErrorCode::KernelDied,
                        QStringLiteral("the kernel died before it ran: ") + d->process.reason()};
        d->cell.abandon(why);
        co_return fail(why);
    }
    Result<> sent = d->note->put(messageId);
    if (sent)
        sent = d->client->send(Channel::Shell, QByteArrayLiteral("execute_request"), messageId,
                               {{"code", code},
                                {"silent", false},
                                {"store_history", options.storeHistory},
                                {"user_expressions", Json::object()},
                                {"allow_stdin", *canAsk},
                                {"stop_on_error", options.stopOnError}});
    if (sent) {
        if (left)
            left();
        d->client->expectAnswer();
    } else {
        d->cell.abandon(sent.error());
        d->setState(KernelState::Idle);
    }
    co_return co_await d->ended(done);
}

QCoro::Task<Result<Execution>> Kernel::follow(QByteArray messageId, Json soFar,
                                              DisplayState displays, QSet<QString> shownBefore,
                                              std::function<void(const Json &)> changed)
{
    if (d->state == KernelState::Dead)
        co_return fail(ErrorCode::KernelDied,
                       QStringLiteral("the kernel died while it ran: ") + d->process.reason());
    d->setState(KernelState::Busy);
    OutputCollector collector(std::move(soFar), d->spoolPath(newMessageId()), std::move(displays),
                              std::move(shownBefore));
    collector.noteGap(TakenOver);
    const Waiter<Execution> done =
        d->cell.begin(PendingExecution(messageId, std::move(collector)), std::move(changed));
    const Waiter<> listening = d->listening;
    const Result<> heard = co_await listening.wait(d->scope);
    if (!heard)
        co_return fail(heard.error());
    qCInfo(log, "the kernel %lld is heard again", static_cast<long long>(pid()));
    // It may have ended meanwhile; else the marker goes in behind it.
    if (d->cell.isActive()) {
        const QByteArray marker = newMessageId();
        d->cell.setMarker(marker);
        // It was put to an engine that is gone, and the kernel puts it once only.
        if (const auto question = d->question->find(messageId))
            d->cell.setAsked(*question);
        const Result<> sent = d->client->send(
            Channel::Shell, QByteArrayLiteral("kernel_info_request"), marker, Json::object());
        if (!sent)
            d->cell.abandon(sent.error());
        Q_EMIT followed();
    }
    co_return co_await d->ended(done);
}

/// Resolves when all that a cell says reaches us. False: what it asks reaches nobody; one that is
/// told so fails when it asks, else it would wait for good.
QCoro::Task<> Kernel::Private::becomeReady(bool mayAsk, Waiter<bool> ready)
{
    const Waiter<> heard = listening;
    const Result<> isHeard = co_await heard.wait(scope);
    if (!isHeard) {
        ready.resolve(fail(isHeard.error()));
        co_return;
    }
    const Waiter<> askable = client->canBeAsked();
    if (!mayAsk || (isMute && !askable.isResolved())) {
        ready.resolve(false);
        co_return;
    }
    const Result<> canAsk = co_await askable.wait(scope, StdinLimit);
    if (!canAsk && (canAsk.error().code == ErrorCode::Cancelled || state == KernelState::Dead)) {
        ready.resolve(fail(canAsk.error()));
        co_return;
    }
    if (!canAsk && !std::exchange(isMute, true))
        qCWarning(log, "what cells ask on the kernel %lld reaches nobody: its stdin channel: %s",
                  static_cast<long long>(process.pid()), qUtf8Printable(canAsk.error().message));
    ready.resolve(canAsk.has_value());
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

const Json &Kernel::lastOutputs() const
{
    return d->cell.outputs();
}

std::optional<std::int64_t> Kernel::lastExecutionCount() const
{
    return d->cell.executionCount();
}

const DisplayState &Kernel::lastDisplays() const
{
    return d->cell.displays();
}

void Kernel::forgetLast()
{
    d->cell.forgetLast();
}

std::optional<Json> Kernel::widgets(std::uint64_t &since) const
{
    if (!d->widgetsKnown.isResolved() || since == d->comms.version())
        return std::nullopt;
    since = d->comms.version();
    return d->comms.widgets();
}

Waiter<> Kernel::widgetsKnown() const
{
    return d->widgetsKnown;
}

std::optional<InputRequest> Kernel::input() const
{
    return d->cell.input();
}

bool Kernel::mayHaveAsked() const
{
    return d->cell.mayHaveAsked();
}

Result<> Kernel::answerInput(const QString &text)
{
    const auto request = input();
    if (!request && !mayHaveAsked())
        return fail(ErrorCode::Conflict, QStringLiteral("no cell waits for input"));
    // Before that: an engine that found it afterwards would ask it of a cell that has gone on, and
    // may ask for a password by now. What a crash loses in between can be answered unseen.
    d->question->remove();
    const Result<> sent =
        d->client->send(Channel::Stdin, QByteArrayLiteral("input_reply"), newMessageId(),
                        {{"value", text}, {"status", "ok"}}, request ? request->header : Header());
    if (sent)
        d->cell.setInputAnswered();
    else if (request)
        d->noteQuestion(*request);
    return sent;
}

void Kernel::Private::noteQuestion(const InputRequest &request)
{
    const Result<> noted = question->put(cell.messageId(), request);
    if (!noted)
        qCWarning(log, "an engine after this one will not know what the cell asks: %s",
                  qUtf8Printable(noted.error().message));
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

}  // namespace celldeck::kernels
