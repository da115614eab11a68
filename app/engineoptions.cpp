#include "engineoptions.h"

#include <QDir>
#include <QFileInfo>

namespace celldeck::app {

QList<CommandLine::Option> endpointOptions()
{
    return {
        {"host", "ADDRESS", QStringLiteral("Address to listen on"), QStringLiteral("127.0.0.1")},
        {"port", "PORT", QStringLiteral("Port to listen on; 0: any free one"),
         QStringLiteral("8431")},
        {"workspace", "DIR", QStringLiteral("Folder outside which no tool reads or writes a file"),
         QStringLiteral(".")},
        {"assets-dir", "DIR",
         QStringLiteral("Folder for outputs that are too big to be shown whole; without it: "
                        "assets/ beside each notebook")},
        {"recovery", "POLICY",
         QStringLiteral(
             "After a crash, tasks whose kernel is gone: run (on a fresh kernel), replay "
             "(first what its session had completed), hold (until somebody resumes "
             "them)"),
         QStringLiteral("run")},
        {"max-database", "MB",
         QStringLiteral("Over this size the oldest tasks that have ended are removed from the "
                        "database, whatever their age"),
         QStringLiteral("1024")},
        {"max-kernels", "N", QStringLiteral("Kernels at once"), QStringLiteral("32")},
        {"cull-idle", "MINUTES",
         QStringLiteral("End kernels that had nothing to do for so long; 0: never"),
         QStringLiteral("0")}};
}

namespace {

constexpr qlonglong MaxMegabytes = 1LL << 28U;  // SQLite's own limit

Result<tasks::Recovery> recoveryOf(const QString &word)
{
    if (word == QLatin1String("run"))
        return tasks::Recovery::Run;
    if (word == QLatin1String("replay"))
        return tasks::Recovery::Replay;
    if (word == QLatin1String("hold"))
        return tasks::Recovery::Hold;
    return fail(ErrorCode::InvalidArgument,
                QStringLiteral("--recovery is \"%1\": it should be run, replay or hold").arg(word));
}

}  // namespace

Result<EngineOptions> engineOptions(const CommandLine &line)
{
    EngineOptions options;
    options.dataDirectory = line.dataDirectory();
    options.host = line.value("host");
    bool isNumber = false;
    options.port = line.value("port").toUShort(&isNumber);
    if (!isNumber)
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("--port is \"%1\": it should be a number from 0 to 65535")
                        .arg(line.value("port")));
    options.workspace = QFileInfo(line.value("workspace")).canonicalFilePath();
    if (options.workspace.isEmpty() || !QFileInfo(options.workspace).isDir())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("--workspace is \"%1\": there is no such folder")
                        .arg(line.value("workspace")));
    if (const QString assets = line.value("assets-dir"); !assets.isEmpty()) {
        const QFileInfo folder(assets);
        options.assetsDirectory = QDir::cleanPath(folder.exists() ? folder.canonicalFilePath()
                                                                  : folder.absoluteFilePath());
    }
    const auto recovery = recoveryOf(line.value("recovery"));
    if (!recovery)
        return fail(recovery.error());
    options.recovery = *recovery;
    const qlonglong megabytes = line.value("max-database").toLongLong(&isNumber);
    if (!isNumber || megabytes < 1 || megabytes > MaxMegabytes)
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("--max-database is \"%1\": it should be a number of megabytes "
                                   "from 1 to %2")
                        .arg(line.value("max-database"))
                        .arg(MaxMegabytes));
    options.retention.largestBytes = megabytes << 20U;
    options.maxKernels = line.value("max-kernels").toInt(&isNumber);
    if (!isNumber || options.maxKernels < 1)
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("--max-kernels is \"%1\": it should be a number above 0")
                        .arg(line.value("max-kernels")));
    const double minutes = line.value("cull-idle").toDouble(&isNumber);
    if (!isNumber || minutes < 0)
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("--cull-idle is \"%1\": it should be a number of minutes")
                        .arg(line.value("cull-idle")));
    if (minutes > 0)
        options.cullIdle = Milliseconds(static_cast<qint64>(minutes * 60'000));
    options.token = qEnvironmentVariable("CELLDECK_TOKEN").toLatin1();
    if (options.token.isEmpty())
        options.token = qEnvironmentVariable("MCP_SESSION_TOKEN").toLatin1();
    return options;
}

}  // namespace celldeck::app
