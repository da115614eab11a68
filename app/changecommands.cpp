#include <QCoreApplication>
#include <QFileInfo>
#include <QLocale>
#include <cstdio>

#include "commandline.h"
#include "commands.h"
#include "queueaccess.h"
#include "storage/taskcleaner.h"

namespace celldeck::app {

namespace {

using Work = std::function<QCoro::Task<Result<>>(QueueAccess &access)>;

QCoro::Task<> runWork(QueueAccess *access, Work work, int *exitCode)
{
    Result<> done = co_await access->open();
    if (done)
        done = co_await work(*access);
    co_await access->close();
    if (!done) {
        complain(done.error().message);
        *exitCode = exitCodeOf(done.error().code);
    }
    QCoreApplication::quit();
}

/// Runs `work` on the queue of the command's data folder, and returns the exit code.
int runOnQueue(const CommandLine &line, Work work)
{
    if (!QFileInfo::exists(databaseFile(line.dataDirectory()))) {
        complain(QStringLiteral("there is no queue in %1 yet").arg(line.dataDirectory()));
        return Failed;
    }
    QueueAccess access(line.dataDirectory());
    int exitCode = Done;
    TaskScope scope;
    // From within the loop, which else would not hear a quit that comes at once.
    QMetaObject::invokeMethod(
        qApp, [&] { scope.start(runWork(&access, std::move(work), &exitCode)); },
        Qt::QueuedConnection);
    QCoreApplication::exec();
    return exitCode;
}

using Change = QCoro::Task<Result<Answer>> (QueueAccess::*)(QString task);

/// Every task is tried; the last failure is the command's.
QCoro::Task<Result<>> changeEach(QueueAccess *access, QStringList tasks, Change change, bool asJson)
{
    Result<> outcome;
    for (const QString &task : tasks) {
        const Result<Answer> changed = co_await (access->*change)(task);
        if (!changed) {
            if (!outcome)
                complain(outcome.error().message);
            outcome = fail(changed.error());
            continue;
        }
        if (asJson)
            std::printf("%s\n", toBytes(changed->json).constData());
        else
            std::printf("%s  %s\n", qUtf8Printable(textOf(changed->json, "task_id")),
                        qUtf8Printable(textOf(changed->json, "status")));
    }
    co_return outcome;
}

int changeCommand(const QStringList &arguments, const char *name, const QString &description,
                  const QString &example, Change change)
{
    CommandLine line(QString::fromLatin1(name), description,
                     {{"json", "", QStringLiteral("One JSON object a line")}},
                     QStringLiteral("TASK..."), example);
    if (const auto code = line.parse(arguments))
        return *code;
    const QStringList tasks = line.positional();
    if (tasks.isEmpty()) {
        complain(QStringLiteral("name a task; see celldeck %1 --help").arg(QLatin1String(name)));
        return Usage;
    }
    const bool asJson = line.isSet("json");
    return runOnQueue(line, [tasks, change, asJson](QueueAccess &access) {
        return changeEach(&access, tasks, change, asJson);
    });
}

QCoro::Task<Result<>> cleanUp(QueueAccess *access, storage::Retention retention,
                              storage::CleanupMode mode, bool asJson)
{
    const Result<Answer> report = co_await access->cleanUp(retention, mode);
    if (!report)
        co_return fail(report.error());
    if (asJson) {
        std::printf("%s\n", toBytes(report->json).constData());
        co_return Result<>{};
    }
    const QLocale english(QLocale::English);
    const auto size = [&](const char *key) {
        return english.formattedDataSize(findInt(report->json, key).value_or(0));
    };
    const auto tasks = static_cast<long long>(findInt(report->json, "tasks").value_or(0));
    if (mode == storage::CleanupMode::Preview)
        std::printf("%lld tasks would be removed; the database has %s\n", tasks,
                    qUtf8Printable(size("bytes_before")));
    else
        std::printf("%lld tasks removed; the database had %s and has %s\n", tasks,
                    qUtf8Printable(size("bytes_before")), qUtf8Printable(size("bytes_after")));
    co_return Result<>{};
}

std::optional<std::chrono::hours> hoursOf(const CommandLine &line, const char *name)
{
    bool isNumber = false;
    const int hours = line.value(name).toInt(&isNumber);
    if (isNumber && hours >= 0)
        return std::chrono::hours(hours);
    complain(QStringLiteral("--%1 is \"%2\": it should be a number of hours")
                 .arg(QLatin1String(name), line.value(name)));
    return std::nullopt;
}

}  // namespace

int cancelCommand(const QStringList &arguments)
{
    return changeCommand(
        arguments, "cancel",
        QStringLiteral("Ends tasks: one that waits never runs, one that runs is interrupted."),
        QStringLiteral("celldeck cancel 01a2b3c4d5e6"), &QueueAccess::cancel);
}

int replayCommand(const QStringList &arguments)
{
    return changeCommand(arguments, "replay",
                         QStringLiteral("Runs tasks that have ended again, as new tasks that are "
                                        "linked to them. With no engine running, they wait for "
                                        "the next one."),
                         QStringLiteral("celldeck replay 01a2b3c4d5e6"), &QueueAccess::replay);
}

int cleanupCommand(const QStringList &arguments)
{
    CommandLine line(
        QStringLiteral("cleanup"),
        QStringLiteral("Removes tasks that have ended long ago, and gives their room back."),
        {{"age-hours", "N", QStringLiteral("Completed tasks are kept so long"),
          QStringLiteral("24")},
         {"failed-age-hours", "N",
          QStringLiteral("Failed, cancelled and interrupted ones are kept so long"),
          QStringLiteral("168")},
         {"dry-run", "", QStringLiteral("Only says what would be removed")},
         {"json", "", QStringLiteral("As one JSON object")}},
        QString(), QStringLiteral("celldeck cleanup --age-hours 1 --dry-run"));
    if (const auto code = line.parse(arguments))
        return *code;
    const auto completed = hoursOf(line, "age-hours");
    const auto others = hoursOf(line, "failed-age-hours");
    if (!completed || !others)
        return Usage;
    const storage::Retention retention{.completed = *completed, .others = *others};
    const auto mode =
        line.isSet("dry-run") ? storage::CleanupMode::Preview : storage::CleanupMode::Remove;
    const bool asJson = line.isSet("json");
    return runOnQueue(line, [retention, mode, asJson](QueueAccess &access) {
        return cleanUp(&access, retention, mode, asJson);
    });
}

}  // namespace celldeck::app
