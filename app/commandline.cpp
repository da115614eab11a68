#include "commandline.h"

#include <QDir>
#include <QFileInfo>
#include <QRegularExpression>
#include <QStandardPaths>
#include <cstdio>

namespace celldeck::app {

namespace {

QByteArray environmentName(const char *option)
{
    return "CELLDECK_" + QByteArray(option).toUpper().replace('-', '_');
}

}  // namespace

ExitCode exitCodeOf(ErrorCode code)
{
    switch (code) {
    case ErrorCode::Cancelled:
        return Interrupted;
    case ErrorCode::Timeout:
        return TimedOut;
    case ErrorCode::InvalidArgument:
        return Usage;
    case ErrorCode::NotFound:
    case ErrorCode::Conflict:
    case ErrorCode::Stale:
    case ErrorCode::KernelDied:
        return Failed;
    default:
        return Unfit;
    }
}

void complain(const QString &message)
{
    std::fprintf(stderr, "celldeck: %s\n", qUtf8Printable(message));
}

void announce(const EndpointStatus &endpoint)
{
    std::printf("celldeck: listening on %s\n", qUtf8Printable(endpoint.url));
    std::fflush(stdout);
}

CommandLine::CommandLine(QString command, const QString &description, QList<Option> options,
                         const QString &arguments, const QString &example)
    : m_command(std::move(command)),
      m_example(example),
      m_takesArguments(!arguments.isEmpty()),
      m_options(std::move(options))
{
    m_options += commonOptions();
    m_parser.setApplicationDescription(description);
    m_parser.setOptionsAfterPositionalArgumentsMode(QCommandLineParser::ParseAsOptions);
    for (const Option &option : m_options) {
        QString help = option.help;
        if (!option.preset.isEmpty())
            help += QStringLiteral(" (default: %1)").arg(option.preset);
        QCommandLineOption one(QString::fromLatin1(option.name), help,
                               QString::fromLatin1(option.value));
        m_parser.addOption(one);
    }
    m_parser.addOption(
        {{QStringLiteral("h"), QStringLiteral("help")}, QStringLiteral("This text")});
    if (!arguments.isEmpty())
        m_parser.addPositionalArgument(arguments, QString(), arguments);
}

std::optional<int> CommandLine::parse(const QStringList &arguments)
{
    const QString program =
        QStringList{QStringLiteral("celldeck"), m_command}.join(QLatin1Char(' ')).trimmed();
    if (!m_parser.parse(QStringList{program} + arguments)) {
        QString wrong = m_parser.errorText();  // A sentence of Qt's
        if (wrong.endsWith(QLatin1Char('.')))
            wrong.chop(1);
        complain(QStringLiteral("%1; see %2 --help").arg(wrong, program));
        return Usage;
    }
    if (!m_parser.isSet(QStringLiteral("help")))
        return refusal(program);
    QString help = m_parser.helpText();
    // Qt puts the program's path where ours has two words.
    help.replace(QRegularExpression(QStringLiteral("^Usage: \\S+( %1)?").arg(m_command)),
                 QStringLiteral("Usage: ") + program);
    std::printf(
        "%s\n\nExample:\n  %s\n\nEach option can be set by CELLDECK_<NAME> in the environment "
        "and by <name> in %s too.\n",
        qUtf8Printable(help.trimmed()), qUtf8Printable(m_example), qUtf8Printable(settingsFile()));
    return Done;
}

std::optional<int> CommandLine::refusal(const QString &program) const
{
    const QStringList words = m_parser.positionalArguments();
    if (!m_takesArguments && !words.isEmpty()) {
        complain(QStringLiteral("%1 takes no \"%2\"; see %1 --help").arg(program, words.first()));
        return Usage;
    }
    // The default one need not be there; one that is named is meant.
    const QString file = settingsFile();
    if (!value("config").isEmpty() && !QFileInfo(file).isReadable()) {
        complain(QStringLiteral("--config is \"%1\": there is no such file, or it cannot be read")
                     .arg(file));
        return Usage;
    }
    if (QSettings(file, QSettings::IniFormat).status() != QSettings::NoError) {
        complain(QStringLiteral("the settings file %1 is damaged: each line should be [section] or "
                                "name=value; mend it, or choose another with --config")
                     .arg(file));
        return Usage;
    }
    return std::nullopt;
}

const CommandLine::Option *CommandLine::find(const char *name) const
{
    const auto found = std::ranges::find_if(
        m_options, [name](const Option &option) { return qstrcmp(option.name, name) == 0; });
    return found == m_options.end() ? nullptr : &*found;
}

QString CommandLine::value(const char *name) const
{
    const QString key = QString::fromLatin1(name);
    if (m_parser.isSet(key))
        return m_parser.value(key);
    const QByteArray variable = environmentName(name);
    if (qEnvironmentVariableIsSet(variable.constData()))
        return qEnvironmentVariable(variable.constData());
    if (qstrcmp(name, "config") != 0) {
        const QSettings file(settingsFile(), QSettings::IniFormat);
        if (file.contains(key))
            return file.value(key).toString();
    }
    const Option *option = find(name);
    return option ? option->preset : QString();
}

QStringList CommandLine::values(const char *name) const
{
    const QString key = QString::fromLatin1(name);
    if (m_parser.isSet(key))
        return m_parser.values(key);
    const QString one = value(name);
    return one.isEmpty() ? QStringList() : QStringList{one};
}

bool CommandLine::isSet(const char *name) const
{
    if (m_parser.isSet(QString::fromLatin1(name)))
        return true;
    const QString set = value(name).toLower();
    return !set.isEmpty() && set != QLatin1String("0") && set != QLatin1String("false") &&
           set != QLatin1String("no");
}

QList<CommandLine::Option> CommandLine::commonOptions()
{
    return {{"data-dir", "DIR", QStringLiteral("The data folder, with the queue's database")},
            {"config", "FILE", QStringLiteral("The settings file")}};
}

QString CommandLine::dataDirectory() const
{
    QString given = value("data-dir");
    if (given.isEmpty())
        given = qEnvironmentVariable("MCP_DATA_DIR");
    if (given.isEmpty())
        given = QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) +
                QStringLiteral("/celldeck");
    return QDir::cleanPath(QDir().absoluteFilePath(given));
}

QString CommandLine::settingsFile() const
{
    const QString given = value("config");
    if (!given.isEmpty())
        return given;
    return QStandardPaths::writableLocation(QStandardPaths::GenericConfigLocation) +
           QStringLiteral("/celldeck/celldeck.ini");
}

}  // namespace celldeck::app
