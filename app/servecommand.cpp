#include <QCoreApplication>
#include <QDir>

#include "commandline.h"
#include "commands.h"
#include "engineoptions.h"
#include "signalwatcher.h"

namespace celldeck::app {

namespace {

QCoro::Task<> serve(Engine *engine, SignalWatcher *signal, const TaskScope *scope, int *exitCode)
{
    const Waiter<> stop;
    QObject::connect(signal, &SignalWatcher::stopRequested, signal, [stop] { stop.resolve({}); });
    const Waiter<> starting = engine->start();
    const Result<> started = co_await starting.wait(*scope);
    *exitCode = Done;
    if (!started) {
        complain(started.error().message);
        *exitCode = Unfit;
    } else if (const EndpointStatus endpoint = engine->endpoint(); !endpoint.listening) {
        complain(endpoint.error);
        *exitCode = Unfit;
    } else {
        announce(endpoint);
        const Result<> asked = co_await stop.wait(*scope);
        if (!asked)
            co_return;
    }
    if (started) {
        const Waiter<> stopping = engine->stop();
        const Result<> stopped = co_await stopping.wait(*scope);
        if (!stopped)
            co_return;
    }
    QCoreApplication::quit();
}

}  // namespace

int serveCommand(const QStringList &arguments)
{
    CommandLine line(
        QStringLiteral("serve"),
        QStringLiteral("Hosts the engine and its MCP endpoint without a display, until "
                       "SIGTERM or SIGINT."),
        endpointOptions(), QString(),
        QStringLiteral("celldeck serve --port 8431 --workspace ~/notebooks"));
    if (const auto code = line.parse(arguments))
        return *code;
    const auto options = engineOptions(line);
    if (!options) {
        complain(options.error().message);
        return Usage;
    }
    SignalWatcher signal;
    Engine engine(*options);
    QObject::connect(&engine.feed(), &Feed::failed, &engine, complain);
    int exitCode = Done;
    TaskScope scope;
    // From within the loop, which else would not hear a quit that comes at once.
    QMetaObject::invokeMethod(
        &engine, [&] { scope.start(serve(&engine, &signal, &scope, &exitCode)); },
        Qt::QueuedConnection);
    QCoreApplication::exec();
    return exitCode;
}

}  // namespace celldeck::app
