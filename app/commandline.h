#pragma once

#include <QCommandLineParser>
#include <QSettings>
#include <QString>

#include "base/result.h"
#include "engine/engine.h"

namespace celldeck::app {

/// What a process ends with: CONTRACT.md section 1.
enum ExitCode {
    Done = 0,
    Failed = 1,  ///< A cell failed, or nothing matched.
    Usage = 2,
    Unfit = 3,  ///< No such kernel, port taken, database unusable.
    TimedOut = 4,
    Interrupted = 130,
};

[[nodiscard]] ExitCode exitCodeOf(ErrorCode code);

/// A line on stderr: "celldeck: …".
void complain(const QString &message);

/// A line on stdout: "celldeck: listening on …", what scripts wait for.
void announce(const EndpointStatus &endpoint);

/// The options of one command and where else their values come from: the command line wins over
/// the environment (CELLDECK_…), that over the settings file, that over the default.
class CommandLine
{
public:
    struct Option
    {
        const char *name;   ///< e.g. "data-dir": also CELLDECK_DATA_DIR, and the key in the file
        const char *value;  ///< Name of its value in the help; "" for a switch
        QString help;
        QString preset = {};
    };

    CommandLine(QString command, const QString &description, QList<Option> options,
                const QString &arguments, const QString &example);

    /// Prints help, or complains of what cannot be meant, and returns the exit code to end with;
    /// nullopt to go on.
    [[nodiscard]] std::optional<int> parse(const QStringList &arguments);

    [[nodiscard]] QStringList positional() const { return m_parser.positionalArguments(); }
    [[nodiscard]] QString value(const char *name) const;
    [[nodiscard]] QStringList values(const char *name) const;
    [[nodiscard]] bool isSet(const char *name) const;

    /// --data-dir and --config, which every command has.
    [[nodiscard]] static QList<Option> commonOptions();
    [[nodiscard]] QString dataDirectory() const;
    [[nodiscard]] QString settingsFile() const;

private:
    [[nodiscard]] std::optional<int> refusal(const QString &program) const;
    [[nodiscard]] const Option *find(const char *name) const;

    QString m_command;
    QString m_example;
    bool m_takesArguments;
    QList<Option> m_options;
    QCommandLineParser m_parser;
};

}  // namespace celldeck::app
