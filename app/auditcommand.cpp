#include <cstdio>

#include "base/json.h"
#include "commands.h"
#include "querycommands.h"

namespace celldeck::app {

using storage::AuditEntry;
using storage::AuditFilter;

namespace {

enum class Form { Text, Json, Csv };

Result<AuditFilter> filterOf(const CommandLine &line)
{
    AuditFilter filter;
    const auto since = timeOption(line, "since");
    if (!since)
        return fail(since.error());
    filter.since = *since;
    const auto limit = countOption(line, "limit");
    if (!limit)
        return fail(limit.error());
    filter.limit = *limit;
    filter.client = line.value("client");
    filter.notebookPath = notebookOption(line, "notebook");
    if (const QString actor = line.value("actor"); !actor.isEmpty()) {
        filter.role = storage::parseRole(actor);
        if (!filter.role)
            return fail(ErrorCode::InvalidArgument,
                        QStringLiteral("--actor is \"%1\": it should be agent, operator or system")
                            .arg(actor));
    }
    if (const QString action = line.value("action"); !action.isEmpty()) {
        filter.action = storage::parseAction(action);
        if (!filter.action)
            return fail(ErrorCode::InvalidArgument,
                        QStringLiteral("--action is \"%1\": there is no such action; try submit, "
                                       "cancel or cleanup")
                            .arg(action));
    }
    return filter;
}

QByteArray jsonOf(const AuditEntry &entry)
{
    const auto text = [](const QString &value) {
        return value.isEmpty() ? Json(nullptr) : Json(value);
    };
    return toBytes({{"at", toIso(entry.at)},
                    {"actor", toText(entry.by.role)},
                    {"client", text(entry.by.client)},
                    {"action", toText(entry.action)},
                    {"notebook_path", text(entry.notebookPath)},
                    {"object", text(entry.object)},
                    {"count", entry.count},
                    {"detail", text(entry.detail)}});
}

/// RFC 4180.
QByteArray csvOf(const AuditEntry &entry)
{
    QStringList fields{toIso(entry.at),
                       toText(entry.by.role),
                       entry.by.client,
                       toText(entry.action),
                       entry.notebookPath,
                       entry.object,
                       QString::number(entry.count),
                       entry.detail};
    for (QString &field : fields) {
        if (field.contains(QLatin1Char('"')) || field.contains(QLatin1Char(',')) ||
            field.contains(QLatin1Char('\n')) || field.contains(QLatin1Char('\r')))
            field = QLatin1Char('"') + field.replace(QLatin1Char('"'), QStringLiteral("\"\"")) +
                    QLatin1Char('"');
    }
    return fields.join(QLatin1Char(',')).toUtf8();
}

QByteArray textOf(const AuditEntry &entry)
{
    QStringList about;
    if (!entry.object.isEmpty())
        about << entry.object;
    if (entry.count != 1)
        about << QStringLiteral("(%1 tasks)").arg(entry.count);
    if (!entry.notebookPath.isEmpty())
        about << entry.notebookPath;
    if (!entry.detail.isEmpty())
        about << entry.detail;
    return QStringLiteral("%1  %2  %3  %4  %5")
        .arg(toIso(entry.at))
        .arg(toText(entry.by.role), -8)
        .arg(entry.by.client.isEmpty() ? QStringLiteral("-") : entry.by.client, -12)
        .arg(toText(entry.action), -17)
        .arg(about.join(QStringLiteral("  ")))
        .toUtf8();
}

void print(const QList<AuditEntry> &entries, Form form)
{
    if (form == Form::Csv)
        std::printf("at,actor,client,action,notebook_path,object,count,detail\r\n");
    for (const AuditEntry &entry : entries) {
        if (form == Form::Csv)
            std::printf("%s\r\n", csvOf(entry).constData());
        else
            std::printf("%s\n", (form == Form::Json ? jsonOf(entry) : textOf(entry)).constData());
    }
}

}  // namespace

int auditCommand(const QStringList &arguments)
{
    CommandLine line(
        QStringLiteral("audit"),
        QStringLiteral(
            "Who did what to which task, asset or kernel, newest first. Previews and "
            "refusals are no actions. Names of clients are what they say of themselves."),
        {{"since", "TIME", QStringLiteral("Only actions since (ISO 8601)")},
         {"actor", "ACTOR", QStringLiteral("Only those of: agent, operator or system")},
         {"client", "NAME", QStringLiteral("Only those of that client")},
         {"action", "ACTION", QStringLiteral("Only those, such as submit, cancel or cleanup")},
         {"notebook", "PATH", QStringLiteral("Only those on that notebook")},
         {"limit", "N", QStringLiteral("At most so many"), QStringLiteral("100")},
         {"json", "", QStringLiteral("One JSON object a line")},
         {"csv", "", QStringLiteral("As comma-separated values, with a head")}},
        QString(),
        QStringLiteral("celldeck audit --actor agent --since 2026-11-24T00:00:00Z --csv"));
    if (const auto code = line.parse(arguments))
        return *code;
    if (line.isSet("json") && line.isSet("csv")) {
        complain(QStringLiteral("choose one of --json and --csv"));
        return Usage;
    }
    const auto filter = filterOf(line);
    if (!filter)
        return complainAndExit(filter.error());
    auto queries = openQueries(line);
    if (!queries)
        return complainAndExit(queries.error());
    const auto entries = queries->listAudit(*filter);
    if (!entries)
        return complainAndExit(entries.error());
    print(*entries, line.isSet("csv") ? Form::Csv : line.isSet("json") ? Form::Json : Form::Text);
    if (!entries->isEmpty())
        return Done;
    complain(QStringLiteral("no action matches"));
    return Failed;
}

}  // namespace celldeck::app
