#pragma once

#include <QStringList>
#include <optional>

/// One function a command: takes what follows the command's name, returns the exit code.
namespace celldeck::app {

int runCommand(const QStringList &arguments);
int serveCommand(const QStringList &arguments);
int tasksCommand(const QStringList &arguments);
int showCommand(const QStringList &arguments);
int statsCommand(const QStringList &arguments);
int leasesCommand(const QStringList &arguments);
int kernelsCommand(const QStringList &arguments);
int orphansCommand(const QStringList &arguments);
int auditCommand(const QStringList &arguments);
int cancelCommand(const QStringList &arguments);
int replayCommand(const QStringList &arguments);
int cleanupCommand(const QStringList &arguments);
int backupCommand(const QStringList &arguments);
int importCommand(const QStringList &arguments);
int restoreCommand(const QStringList &arguments);
int checkCommand(const QStringList &arguments);
/// The exit code, where a line for the console is wrong or only asks for help.
std::optional<int> endsConsoleLine(const QStringList &arguments);
/// Requires: a QApplication. Only in builds with the console.
int consoleCommand(const QStringList &arguments);

}  // namespace celldeck::app
