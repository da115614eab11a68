#include <unistd.h>
#include <QApplication>
#include <QMessageBox>
#include <QSettings>

#include "commandline.h"
#include "commands.h"
#include "engineoptions.h"
#include "enginethread.h"
#include "notebooks/notebookfile.h"
#include "signalwatcher.h"
#include "singleinstance.h"
#include "ui/mainwindow.h"
#include "ui/theme.h"

namespace celldeck::app {

namespace {

/// On stderr where somebody reads it, else in a box.
void showFailure(const QString &message)
{
    complain(message);
    if (::isatty(STDERR_FILENO) != 0)
        return QCoreApplication::exit(Unfit);
    auto *box = new QMessageBox(QMessageBox::Critical, QStringLiteral("Celldeck"), message);
    box->setAttribute(Qt::WA_DeleteOnClose);
    QObject::connect(box, &QMessageBox::finished, qApp, [] { QCoreApplication::exit(Unfit); });
    box->open();
}

Result<QStringList> notebooksOf(const QStringList &words)
{
    QStringList paths;
    for (const QString &word : words) {
        const auto path = notebooks::canonicalPath(word);
        if (!path)
            return fail(path.error());
        paths << *path;
    }
    return paths;
}

/// Another console has taken over what this one was asked for: the exit code.
int handOver(const SingleInstance &instance, const QStringList &notebooks)
{
    const Result<> taken = instance.handOver(notebooks);
    if (!taken) {
        complain(taken.error().message);
        return Unfit;
    }
    std::printf(
        "celldeck: the console of this data folder runs already: it is shown, and keeps "
        "its options\n");
    return Done;
}

/// What the command line asks for.
struct Order
{
    /// The exit code, if it asks for nothing that can be done.
    std::optional<int> take(const QStringList &arguments)
    {
        if (const auto code = line.parse(arguments))
            return code;
        auto given = engineOptions(line);
        if (!given) {
            complain(given.error().message);
            return Usage;
        }
        options = *std::move(given);
        const auto paths = notebooksOf(line.positional());
        if (!paths) {
            complain(paths.error().message);
            return Usage;
        }
        notebooks = *paths;
        return std::nullopt;
    }

    CommandLine line{
        QString(),
        QStringLiteral("Opens the operations console and hosts the MCP endpoint; runs the "
                       "notebooks that are named. If it is open already it is shown, and runs "
                       "them."),
        endpointOptions(), QStringLiteral("[NOTEBOOK...]"),
        QStringLiteral("celldeck --workspace ~/notebooks")};
    EngineOptions options;
    QStringList notebooks;
};

}  // namespace

std::optional<int> endsConsoleLine(const QStringList &arguments)
{
    return Order().take(arguments);
}

int consoleCommand(const QStringList &arguments)
{
    Order order;
    if (const auto code = order.take(arguments))
        return *code;
    SingleInstance instance(order.line.dataDirectory());
    if (!instance.claim())
        return handOver(instance, order.notebooks);
    QSettings settings(order.line.settingsFile(), QSettings::IniFormat);
    ui::applyTheme(*qApp, ui::themeFromText(settings.value(QStringLiteral("theme")).toString()));
    const SignalWatcher signal;
    QObject::connect(&signal, &SignalWatcher::stopRequested, qApp, &QCoreApplication::quit);
    EngineThread engine(order.options);
    std::unique_ptr<ui::MainWindow> window;
    const auto runAll = [&window](const QStringList &paths) {
        for (const QString &path : paths)
            window->runNotebook(path);
    };
    QObject::connect(&engine, &EngineThread::started, qApp, [&] {
        window = std::make_unique<ui::MainWindow>(&engine.feed(), &settings);
        window->show();
        runAll(order.notebooks);
        instance.open();
    });
    QObject::connect(&instance, &SingleInstance::asked, qApp, [&](const QStringList &paths) {
        window->present();
        runAll(paths);
    });
    QObject::connect(&engine, &EngineThread::failed, qApp, showFailure);
    QObject::connect(&engine.feed(), &Feed::endpointChanged, qApp,
                     [&window, told = EndpointStatus()](const EndpointStatus &status) mutable {
                         // Not before a second start reaches us. The window asks for it again.
                         if (!window)
                             return;
                         if (status.listening && status != told)
                             announce(status);
                         told = status;
                     });
    engine.start();
    return QCoreApplication::exec();
}

}  // namespace celldeck::app
