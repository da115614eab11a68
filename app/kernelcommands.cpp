#include "kernelcommands.h"

#include <QCoreApplication>
#include <cstdio>

#include "commands.h"
#include "endpointclient.h"

// What only a running engine knows: its kernels, and the messages that belong to no task.
namespace celldeck::app {

namespace {

QCoro::Task<> callTool(EndpointClient *client, QString tool, Result<Answer> *answer)
{
    *answer = co_await client->call(tool, Json::object());
    QCoreApplication::quit();
}

/// nullopt if no engine runs.
std::optional<Result<Answer>> askEngine(const CommandLine &line, const QString &tool)
{
    const auto client = EndpointClient::find(line.dataDirectory());
    if (!client)
        return std::nullopt;
    Result<Answer> answer = fail(ErrorCode::Cancelled, QStringLiteral("interrupted"));
    TaskScope scope;
    // From within the loop, which else would not hear a quit that comes at once.
    QMetaObject::invokeMethod(
        qApp, [&] { scope.start(callTool(client.get(), tool, &answer)); }, Qt::QueuedConnection);
    QCoreApplication::exec();
    return answer;
}

/// One line for each member of `list`; 1 if there is none, and `none` says so.
int printList(const QStringList &arguments, CommandLine line, const QString &tool, const char *list,
              const QString &none, QString (*shown)(const Json &))
{
    if (const auto code = line.parse(arguments))
        return *code;
    const auto answer = askEngine(line, tool);
    if (!answer) {
        complain(QStringLiteral("no engine runs on %1").arg(line.dataDirectory()));
        return Failed;
    }
    if (!*answer) {
        complain(answer->error().message);
        return exitCodeOf(answer->error().code);
    }
    const Json *items = find((*answer)->json, list);
    if (!items || items->empty()) {
        complain(none);
        return Failed;
    }
    for (const Json &item : *items)
        std::printf("%s\n", line.isSet("json") ? toBytes(item).constData()
                                               : shown(item).toUtf8().constData());
    return Done;
}

QList<CommandLine::Option> listOptions()
{
    return {{"json", "", QStringLiteral("One JSON object a line")}};
}

}  // namespace

int kernelsCommand(const QStringList &arguments)
{
    return printList(
        arguments,
        CommandLine(QStringLiteral("kernels"),
                    QStringLiteral("Lists the kernels of the running engine."), listOptions(),
                    QString(), QStringLiteral("celldeck kernels --json")),
        QStringLiteral("list_kernels"), "kernels", QStringLiteral("no kernel runs"),
        [](const Json &item) {
            const Json *kernel = find(item, "kernel");
            return QStringLiteral("%1  %2  process %3  %4 waiting  %5")
                .arg(kernel ? textOf(*kernel, "kernel_name") : QString(), -10)
                .arg(kernel ? textOf(*kernel, "state") : QString(), -8)
                .arg(kernel ? findInt(*kernel, "pid").value_or(0) : 0)
                .arg(findInt(item, "waiting_tasks").value_or(0))
                .arg(textOf(item, "notebook_path"));
        });
}

int orphansCommand(const QStringList &arguments)
{
    return printList(
        arguments,
        CommandLine(QStringLiteral("orphans"),
                    QStringLiteral("Lists the rings of messages that belong to no task."),
                    listOptions(), QString(), QStringLiteral("celldeck orphans --json")),
        QStringLiteral("list_orphans"), "rings", QStringLiteral("there are no orphans"),
        [](const Json &item) {
            return QStringLiteral("%1  %2 messages  %3 bytes  %4 dropped  %5")
                .arg(textOf(item, "parent_id"))
                .arg(findInt(item, "messages").value_or(0))
                .arg(findInt(item, "bytes").value_or(0))
                .arg(findInt(item, "dropped").value_or(0))
                .arg(textOf(item, "notebook_path"));
        });
}

OrphanCounts countOrphans(const CommandLine &line)
{
    const auto answer = askEngine(line, QStringLiteral("list_orphans"));
    if (!answer || !*answer)
        return {};
    return {.messages = findInt((*answer)->json, "messages").value_or(0),
            .dropped = findInt((*answer)->json, "dropped").value_or(0)};
}

}  // namespace celldeck::app
