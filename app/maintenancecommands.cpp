#include <QDir>
#include <QFileInfo>
#include <cstdio>

#include "base/lockfile.h"
#include "commands.h"
#include "querycommands.h"
#include "storage/maintenance.h"

namespace celldeck::app {

namespace {

/// The one positional argument of a command; nullopt after a complaint.
std::optional<QString> fileOf(const CommandLine &line, const char *command)
{
    if (line.positional().size() == 1)
        return QFileInfo(line.positional().first()).absoluteFilePath();
    complain(QStringLiteral("name one file; see celldeck %1 --help").arg(QLatin1String(command)));
    return std::nullopt;
}

}  // namespace

int backupCommand(const QStringList &arguments)
{
    CommandLine line(QStringLiteral("backup"),
                     QStringLiteral("Copies the database, also while an engine runs, and checks "
                                    "the copy."),
                     {}, QStringLiteral("FILE"), QStringLiteral("celldeck backup monday.db"));
    if (const auto code = line.parse(arguments))
        return *code;
    const auto target = fileOf(line, "backup");
    if (!target)
        return Usage;
    const QString file = databaseFile(line.dataDirectory());
    if (!QFileInfo::exists(file))
        return complainAndExit(
            {ErrorCode::NotFound,
             QStringLiteral("there is no queue in %1 yet").arg(line.dataDirectory())});
    if (const QFileInfo folder(QFileInfo(*target).absolutePath()); !folder.isDir())
        return complainAndExit({ErrorCode::InvalidArgument,
                                QStringLiteral("there is no folder %1").arg(folder.filePath())});
    const Result<> done = storage::backUp(file, *target, storage::shellActor());
    if (!done)
        return complainAndExit(done.error());
    std::printf("%s  %lld bytes, checked\n", qUtf8Printable(*target),
                static_cast<long long>(QFileInfo(*target).size()));
    return Done;
}

int restoreCommand(const QStringList &arguments)
{
    CommandLine line(QStringLiteral("restore"),
                     QStringLiteral("Puts a backup in the place of the database, which is moved "
                                    "aside. No engine may run on it."),
                     {}, QStringLiteral("FILE"), QStringLiteral("celldeck restore monday.db"));
    if (const auto code = line.parse(arguments))
        return *code;
    const auto backup = fileOf(line, "restore");
    if (!backup)
        return Usage;
    if (!QFileInfo::exists(*backup))
        return complainAndExit(
            {ErrorCode::NotFound, QStringLiteral("there is no file %1").arg(*backup)});
    QDir().mkpath(line.dataDirectory() + QStringLiteral("/runtime"));
    LockFile lock(hostLockFile(line.dataDirectory()));
    if (const Result<> locked = lock.lock(); !locked)
        return complainAndExit(locked.error().code == ErrorCode::Conflict
                                   ? Error{ErrorCode::StorageUnavailable,
                                           QStringLiteral("an engine runs on %1: end it first")
                                               .arg(line.dataDirectory())}
                                   : locked.error());
    const QString file = databaseFile(line.dataDirectory());
    const auto aside = storage::restore(*backup, file, storage::shellActor());
    if (!aside)
        return complainAndExit(
            {aside.error().code,
             QStringLiteral("%1 is not restored: %2").arg(*backup, aside.error().message)});
    std::printf("%s is restored\n", qUtf8Printable(file));
    if (!aside->isEmpty())
        std::printf("the database before is %s\n", qUtf8Printable(*aside));
    return Done;
}

int checkCommand(const QStringList &arguments)
{
    CommandLine line(QStringLiteral("check"),
                     QStringLiteral("Looks for damage in the database; exit code 1 if there is "
                                    "some. Celldeck salvages a damaged database when it starts."),
                     {{"quick", "", QStringLiteral("Only the structure of its pages")}}, QString(),
                     QStringLiteral("celldeck check"));
    if (const auto code = line.parse(arguments))
        return *code;
    const QString file = databaseFile(line.dataDirectory());
    const auto findings = storage::check(
        file, line.isSet("quick") ? storage::CheckDepth::Quick : storage::CheckDepth::Full);
    if (!findings && findings.error().code != ErrorCode::Damaged)
        return complainAndExit(findings.error());
    const QStringList lines = findings ? *findings : QStringList{findings.error().message};
    for (const QString &finding : lines)
        std::printf("%s\n", qUtf8Printable(finding));
    if (!lines.isEmpty())
        return Failed;
    std::printf("%s is sound\n", qUtf8Printable(file));
    return Done;
}

}  // namespace celldeck::app
