#pragma once

#include <QStringList>

/// One function a command: takes what follows the command's name, returns the exit code.
namespace celldeck::app {

int runCommand(const QStringList &arguments);
int serveCommand(const QStringList &arguments);
int tasksCommand(const QStringList &arguments);
int showCommand(const QStringList &arguments);
int statsCommand(const QStringList &arguments);
/// Requires: a QApplication. Only in builds with the console.
int consoleCommand(const QStringList &arguments);

}  // namespace celldeck::app
