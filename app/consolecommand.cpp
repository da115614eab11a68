#include <unistd.h>
#include <QApplication>
#include <QMessageBox>
#include <QSettings>

#include "commandline.h"
#include "commands.h"
#include "engineoptions.h"
#include "enginethread.h"
#include "signalwatcher.h"
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

}  // namespace

int consoleCommand(const QStringList &arguments)
{
    CommandLine line(
        QString(), QStringLiteral("Opens the operations console and hosts the MCP endpoint."),
        endpointOptions(), QString(), QStringLiteral("celldeck --workspace ~/notebooks"));
    if (const auto code = line.parse(arguments))
        return *code;
    const auto options = engineOptions(line);
    if (!options) {
        complain(options.error().message);
        return Usage;
    }
    QSettings settings(line.settingsFile(), QSettings::IniFormat);
    ui::applyTheme(*qApp, ui::themeFromText(settings.value(QStringLiteral("theme")).toString()));
    QApplication::setQuitOnLastWindowClosed(true);

    const SignalWatcher signal;
    QObject::connect(&signal, &SignalWatcher::stopRequested, qApp, &QCoreApplication::quit);
    EngineThread engine(*options);
    std::unique_ptr<ui::MainWindow> window;
    QObject::connect(&engine, &EngineThread::started, qApp, [&] {
        window = std::make_unique<ui::MainWindow>(&engine.feed(), &settings);
        window->show();
    });
    QObject::connect(&engine, &EngineThread::failed, qApp, showFailure);
    QObject::connect(&engine.feed(), &Feed::endpointChanged, qApp,
                     [told = EndpointStatus()](const EndpointStatus &status) mutable {
                         if (status.listening && status != told)
                             announce(status);
                         told = status;
                     });
    engine.start();
    return QCoreApplication::exec();
}

}  // namespace celldeck::app
