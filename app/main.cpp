#include <QCoreApplication>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "commandline.h"
#include "commands.h"

#ifdef CELLDECK_CONSOLE
#include <QApplication>
#endif

using namespace celldeck::app;

namespace {

struct Command
{
    const char *name;
    int (*run)(const QStringList &);
    const char *does;
};

constexpr Command Commands[] = {
    {"run", runCommand, "runs notebooks and writes their outputs back"},
    {"serve", serveCommand, "hosts the engine and its MCP endpoint without a display"},
    {"tasks", tasksCommand, "lists tasks"},
    {"show", showCommand, "shows one task with its outputs"},
    {"stats", statsCommand, "counts the tasks in each state"},
    {"leases", leasesCommand, "lists the leases that keep big outputs"},
    {"kernels", kernelsCommand, "lists the kernels of the running engine"},
    {"orphans", orphansCommand, "lists messages that belong to no task"},
    {"audit", auditCommand, "tells who did what"},
    {"cancel", cancelCommand, "ends tasks that wait or run"},
    {"replay", replayCommand, "runs tasks again"},
    {"cleanup", cleanupCommand, "removes old tasks"},
    {"backup", backupCommand, "copies the database, also while it is in use"},
    {"restore", restoreCommand, "puts a backup in the place of the database"},
    {"import", importCommand, "takes over the Python server's database"},
    {"check", checkCommand, "looks for damage in the database"},
};

int printHelp()
{
    std::printf(
        "Celldeck runs Jupyter notebook cells for people and for AI agents, and never loses "
        "one.\n\nUsage: celldeck [NOTEBOOK...]   the console, which runs the notebooks; it takes "
        "the "
        "options of serve\n");
    for (const Command &command : Commands)
        std::printf("       celldeck %-14s  %s\n", command.name, command.does);
    std::printf(
        "\nMore: celldeck COMMAND --help\nExample:\n  celldeck run report.ipynb --output "
        "done/\n");
    return Done;
}

#ifdef CELLDECK_CONSOLE
int withoutDisplay()
{
    complain(
        QStringLiteral("there is no display for the console: celldeck serve hosts the endpoint "
                       "without one"));
    return Unfit;
}

/// Where a display is named and cannot be reached, Qt says so in its own words and aborts; in its
/// own words too what else it cannot start for.
void endWithoutDisplay(QtMsgType type, const QMessageLogContext & /*context*/,
                       const QString &message)
{
    if (type != QtFatalMsg)
        return;
    if (message.contains(QLatin1String("platform plugin")))
        std::_Exit(withoutDisplay());
    complain(QStringLiteral("the console cannot start: ") + message.simplified());
    std::_Exit(Unfit);
}
#endif

int console(int argc, char **argv)
{
#ifdef CELLDECK_CONSOLE
    {
        // First what is wrong with the line, which no display would mend.
        const QCoreApplication application(argc, argv);
        if (const auto code = endsConsoleLine(QCoreApplication::arguments().mid(1)))
            return *code;
    }
    const bool display = qEnvironmentVariableIsSet("DISPLAY") ||
                         qEnvironmentVariableIsSet("WAYLAND_DISPLAY") ||
                         qEnvironmentVariableIsSet("QT_QPA_PLATFORM");
    if (!display)
        return withoutDisplay();
    const QtMessageHandler usual = qInstallMessageHandler(endWithoutDisplay);
    const QApplication application(argc, argv);
    qInstallMessageHandler(usual);
    return consoleCommand(QCoreApplication::arguments().mid(1));
#else
    Q_UNUSED(argc)
    Q_UNUSED(argv)
    complain(QStringLiteral("this Celldeck was built without the console: try celldeck serve"));
    return Unfit;
#endif
}

}  // namespace

int main(int argc, char **argv)
{
    QCoreApplication::setApplicationName(QStringLiteral("Celldeck"));
    QCoreApplication::setApplicationVersion(QStringLiteral(CELLDECK_VERSION));
    const char *word = argc > 1 ? argv[1] : "";
    if (std::strcmp(word, "--help") == 0 || std::strcmp(word, "-h") == 0 ||
        std::strcmp(word, "help") == 0)
        return printHelp();
    if (std::strcmp(word, "--version") == 0) {
        std::printf("celldeck %s\n", CELLDECK_VERSION);
        return Done;
    }
    if (*word == '\0' || *word == '-' || QByteArray(word).endsWith(".ipynb"))
        return console(argc, argv);
    for (const Command &command : Commands) {
        if (std::strcmp(command.name, word) == 0) {
            // Qt's own event loop instead of GLib's, where each wake-up costs a write, a poll and a
            // read more. No kernel shall inherit the variable.
            qputenv("QT_NO_GLIB", "1");
            const QCoreApplication application(argc, argv);
            qunsetenv("QT_NO_GLIB");
            return command.run(QCoreApplication::arguments().mid(2));
        }
    }
    complain(QStringLiteral("there is no command \"%1\"; see celldeck --help")
                 .arg(QString::fromLocal8Bit(word)));
    return Usage;
}
