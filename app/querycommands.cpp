#include "querycommands.h"

#include <unistd.h>
#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>

#include "base/isotime.h"
#include "commands.h"
#include "kernelcommands.h"
#include "kernels/payload.h"
#include "notebooks/notebookfile.h"
#include "notebooks/plaintext.h"
#include "storage/connection.h"

namespace celldeck::app {

using storage::TaskDetail;
using storage::TaskRecord;

namespace {

Json toJson(const TaskRecord &task)
{
    const auto time = [](const std::optional<UtcTime> &at) {
        return at ? Json(toIso(*at)) : Json(nullptr);
    };
    return {{"task_id", nameOf(task)},
            {"status", toText(task.state)},
            {"notebook_path", task.notebookPath},
            {"cell_index", task.cellIndex},
            {"code", task.code},
            {"created_at", toIso(task.createdAt)},
            {"started_at", time(task.startedAt)},
            {"completed_at", time(task.finishedAt)},
            {"execution_count", task.executionCount ? Json(*task.executionCount) : Json(nullptr)},
            {"retries", task.retries},
            {"replay_of", task.replayOf ? Json(toText(task.replayOf)) : Json(nullptr)},
            {"state_lost", task.stateLost},
            {"error", task.error.isEmpty() ? Json(nullptr) : Json(task.error)}};
}

Json toJson(const storage::Lease &lease, bool isActive)
{
    return {{"asset", QFileInfo(lease.asset).fileName()},
            {"path", lease.asset},
            {"notebook_path", lease.notebookPath},
            {"bytes", lease.bytes},
            {"created_at", toIso(lease.createdAt)},
            {"last_seen", toIso(lease.lastSeen)},
            {"expires_at", lease.isPinned() ? Json(nullptr) : Json(toIso(lease.expires))},
            {"active", isActive},
            {"pinned", lease.isPinned()}};
}

void print(const QByteArray &line)
{
    std::printf("%s\n", line.constData());
}

Result<storage::TaskFilter> filterOf(const CommandLine &line)
{
    storage::TaskFilter filter;
    if (const QString state = line.value("state"); !state.isEmpty()) {
        const auto parsed = storage::parseTaskState(state);
        if (!parsed)
            return fail(
                ErrorCode::InvalidArgument,
                QStringLiteral("--state is \"%1\": it should be pending, running, completed, "
                               "failed, cancelled, timeout or interrupted")
                    .arg(state));
        filter.states << *parsed;
    }
    filter.notebookPath = notebookOption(line, "notebook");
    const auto since = timeOption(line, "since");
    if (!since)
        return fail(since.error());
    filter.since = *since;
    const auto limit = countOption(line, "limit");
    if (!limit)
        return fail(limit.error());
    filter.limit = *limit;
    return filter;
}

QString shortCode(const QString &code)
{
    const QString line = code.section(QLatin1Char('\n'), 0, 0).simplified();
    return line.size() > 40 ? line.left(39) + QStringLiteral("…") : line;
}

}  // namespace

Result<storage::Queries> openQueries(const CommandLine &line)
{
    const QString file = databaseFile(line.dataDirectory());
    const bool isReadable = ::access(QFile::encodeName(file).constData(), R_OK) == 0;
    const int reason = errno;
    if (!isReadable && reason == ENOENT)
        return fail(ErrorCode::NotFound,
                    QStringLiteral("there is no queue in %1 yet").arg(line.dataDirectory()));
    if (!isReadable)
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("the database %1 cannot be read (%2): check the rights of its "
                                   "folder, or name another data folder with --data-dir")
                        .arg(file, QString::fromLocal8Bit(std::strerror(reason))));
    return storage::Queries::open(file);
}

Result<std::optional<UtcTime>> timeOption(const CommandLine &line, const char *name)
{
    const QString given = line.value(name);
    if (given.isEmpty())
        return std::nullopt;
    const auto time = parseIso(given, QStringLiteral("--") + QLatin1String(name));
    if (!time)
        return fail(time.error());
    return *time;
}

Result<int> countOption(const CommandLine &line, const char *name)
{
    bool isNumber = false;
    const int count = line.value(name).toInt(&isNumber);
    if (isNumber && count >= 1)
        return count;
    return fail(ErrorCode::InvalidArgument,
                QStringLiteral("--%1 is \"%2\": it should be a number above 0")
                    .arg(QLatin1String(name), line.value(name)));
}

QString notebookOption(const CommandLine &line, const char *name)
{
    const QString given = line.value(name);
    if (given.isEmpty())
        return {};
    const auto path = notebooks::canonicalPath(given);
    return path ? *path : QFileInfo(given).absoluteFilePath();
}

int complainAndExit(const Error &error)
{
    complain(error.message);
    return exitCodeOf(error.code);
}

int tasksCommand(const QStringList &arguments)
{
    CommandLine line(QStringLiteral("tasks"), QStringLiteral("Lists tasks, newest first."),
                     {{"state", "STATE", QStringLiteral("Only tasks in that state")},
                      {"notebook", "PATH", QStringLiteral("Only tasks of that notebook")},
                      {"since", "TIME", QStringLiteral("Only tasks submitted since (ISO 8601)")},
                      {"limit", "N", QStringLiteral("At most so many"), QStringLiteral("50")},
                      {"json", "", QStringLiteral("One JSON object a line")}},
                     QString(), QStringLiteral("celldeck tasks --state failed --limit 10"));
    if (const auto code = line.parse(arguments))
        return *code;
    const auto filter = filterOf(line);
    if (!filter)
        return complainAndExit(filter.error());
    auto queries = openQueries(line);
    if (!queries)
        return complainAndExit(queries.error());
    const auto tasks = queries->list(*filter);
    if (!tasks)
        return complainAndExit(tasks.error());
    for (const TaskRecord &task : *tasks) {
        if (line.isSet("json"))
            print(toBytes(toJson(task)));
        else
            print(QStringLiteral("%1  %2  %3  %4 [%5]  %6")
                      .arg(nameOf(task), -12)
                      .arg(toText(task.state), -11)
                      .arg(toIso(task.createdAt), QFileInfo(task.notebookPath).fileName())
                      .arg(task.cellIndex)
                      .arg(shortCode(task.code))
                      .toUtf8());
    }
    if (!tasks->isEmpty())
        return Done;
    complain(QStringLiteral("no task matches"));
    return Failed;
}

int showCommand(const QStringList &arguments)
{
    CommandLine line(QStringLiteral("show"), QStringLiteral("Shows one task with its outputs."),
                     {{"json", "", QStringLiteral("As one JSON object")}}, QStringLiteral("TASK"),
                     QStringLiteral("celldeck show 01a2b3c4d5e6"));
    if (const auto code = line.parse(arguments))
        return *code;
    if (line.positional().size() != 1) {
        complain(QStringLiteral("name one task; see celldeck show --help"));
        return Usage;
    }
    auto queries = openQueries(line);
    if (!queries)
        return complainAndExit(queries.error());
    const auto detail = queries->loadByName(line.positional().first());
    if (!detail)
        return complainAndExit(detail.error());
    const auto outputs = parseJson(detail->outputs);
    if (!outputs)
        return complainAndExit(outputs.error());
    const auto payload = parseJson(detail->payload);
    if (!payload)
        return complainAndExit(payload.error());
    const auto adopted = queries->adoptionsOf(detail->task.id);
    if (!adopted)
        return complainAndExit(adopted.error());
    if (line.isSet("json")) {
        Json json = toJson(detail->task);
        json["outputs"] = *outputs;
        json["payload"] = *payload;
        for (const storage::Adoption &adoption : *adopted) {
            auto shown = parseJson(adoption.outputs);
            json["adopted"].push_back({{"parent_id", QString::fromUtf8(adoption.parent)},
                                       {"since", toIso(adoption.since)},
                                       {"outputs", shown ? std::move(*shown) : Json::array()}});
        }
        print(toBytes(json));
        return Done;
    }
    const TaskRecord &task = detail->task;
    print(QStringLiteral("task      %1\nstate     %2\nnotebook  %3\ncell      %4\nsubmitted %5")
              .arg(nameOf(task), toText(task.state), task.notebookPath)
              .arg(task.cellIndex)
              .arg(toIso(task.createdAt))
              .toUtf8());
    if (task.finishedAt)
        print(QStringLiteral("ended     %1").arg(toIso(*task.finishedAt)).toUtf8());
    if (!task.error.isEmpty())
        print(QStringLiteral("error     %1").arg(task.error).toUtf8());
    if (task.replayOf)
        print(QStringLiteral("replay of %1").arg(toText(task.replayOf)).toUtf8());
    if (task.stateLost)
        print(QByteArrayLiteral(
            "note      its notebook's kernel had gone: what earlier cells had set "
            "was not there"));
    print(QStringLiteral("\n%1").arg(task.code).toUtf8());
    if (const QString text = notebooks::plainText(*outputs); !text.isEmpty())
        print("\n" + text.toUtf8());
    const QString pages = notebooks::plainText(kernels::readablePayload(*payload));
    if (!pages.isEmpty())
        print("\n" + pages.toUtf8());
    for (const storage::Adoption &adoption : *adopted) {
        const auto shown = parseJson(adoption.outputs);
        print(QStringLiteral("\nadopted from %1 at %2\n%3")
                  .arg(QString::fromUtf8(adoption.parent), toIso(adoption.since),
                       shown ? notebooks::plainText(*shown) : QString())
                  .toUtf8());
    }
    return Done;
}

int statsCommand(const QStringList &arguments)
{
    CommandLine line(QStringLiteral("stats"), QStringLiteral("Counts the tasks in each state."),
                     {{"json", "", QStringLiteral("As one JSON object")}}, QString(),
                     QStringLiteral("celldeck stats --json"));
    if (const auto code = line.parse(arguments))
        return *code;
    auto queries = openQueries(line);
    if (!queries)
        return complainAndExit(queries.error());
    const auto stats = queries->stats(SystemClock().now());
    if (!stats)
        return complainAndExit(stats.error());
    const OrphanCounts orphans = countOrphans(line);
    const std::pair<const char *, std::int64_t> rows[] = {
        {"pending", stats->pending},          {"running", stats->running},
        {"completed", stats->completed},      {"failed", stats->failed},
        {"cancelled", stats->cancelled},      {"timeout", stats->timedOut},
        {"interrupted", stats->interrupted},  {"active_leases", stats->activeLeases},
        {"wal_bytes", stats->walBytes},       {"orphans", orphans.messages},
        {"orphans_dropped", orphans.dropped},
    };
    Json json;
    for (const auto &[name, value] : rows) {
        json[name] = value;
        if (!line.isSet("json"))
            std::printf("%-15s %lld\n", name, static_cast<long long>(value));
    }
    if (line.isSet("json"))
        print(toBytes(json));
    return Done;
}

int leasesCommand(const QStringList &arguments)
{
    CommandLine line(QStringLiteral("leases"),
                     QStringLiteral("Lists the leases that keep big outputs, by file."),
                     {{"notebook", "PATH", QStringLiteral("Only those of that notebook")},
                      {"json", "", QStringLiteral("One JSON object a line")}},
                     QString(), QStringLiteral("celldeck leases --json"));
    if (const auto code = line.parse(arguments))
        return *code;
    storage::LeaseFilter filter{
        .notebookPath = {}, .after = {}, .limit = std::numeric_limits<int>::max()};
    filter.notebookPath = notebookOption(line, "notebook");
    auto queries = openQueries(line);
    if (!queries)
        return complainAndExit(queries.error());
    const auto leases = queries->leases(filter);
    if (!leases)
        return complainAndExit(leases.error());
    const UtcTime now = SystemClock().now();
    for (const storage::Lease &lease : *leases) {
        const bool isActive = lease.expires > now;
        if (line.isSet("json"))
            print(toBytes(toJson(lease, isActive)));
        else
            print(QStringLiteral("%1  %2  %3 bytes  %4")
                      .arg(lease.isPinned() ? QStringLiteral("pinned")
                                            : (isActive ? QStringLiteral("until ")
                                                        : QStringLiteral("expired ")) +
                                                  toIso(lease.expires),
                           -32)
                      .arg(lease.asset)
                      .arg(lease.bytes)
                      .arg(lease.notebookPath)
                      .toUtf8());
    }
    if (!leases->isEmpty())
        return Done;
    complain(QStringLiteral("no lease matches"));
    return Failed;
}

}  // namespace celldeck::app
