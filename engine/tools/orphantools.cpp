#include "tools/orphantools.h"

#include "tools/taskargument.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using kernels::Arrival;
using kernels::OrphanRing;
using mcp::CallContext;
using mcp::ToolResult;

namespace {

const char *nameOf(kernels::Channel channel)
{
    switch (channel) {
    case kernels::Channel::Shell:
        return "shell";
    case kernels::Channel::Control:
        return "control";
    case kernels::Channel::Stdin:
        return "stdin";
    case kernels::Channel::Iopub:
        break;
    }
    return "iopub";
}

Json outputsOf(const std::vector<Arrival> &arrivals)
{
    kernels::OutputCollector collector;
    for (const Arrival &arrival : arrivals) {
        if (arrival.channel == kernels::Channel::Iopub)
            (void)collector.apply(arrival.message);
    }
    return collector.outputs();
}

QByteArray parentOf(const Json &arguments)
{
    return celldeck::textOf(arguments, "parent_id").toUtf8();
}

QCoro::Task<Result<ToolResult>> listOrphans(const Services *services, Json, CallContext)
{
    const kernels::OrphanBuffer &orphans = services->queue.orphans();
    ToolResult result;
    Json rings = Json::array();
    QStringList lines;
    for (const OrphanRing &ring : orphans.rings()) {
        const QString parent = QString::fromUtf8(ring.parent);
        rings.push_back({{"notebook_path", ring.kernel},
                         {"parent_id", parent},
                         {"messages", ring.messages},
                         {"bytes", ring.bytes},
                         {"dropped", ring.dropped}});
        lines << QStringLiteral("%1  %2  %3 messages, %4 bytes, %5 dropped")
                     .arg(ring.kernel, parent)
                     .arg(ring.messages)
                     .arg(ring.bytes)
                     .arg(ring.dropped);
    }
    Json dropped = Json::object();
    for (const auto &[kernel, count] : orphans.dropped())
        dropped[kernel.toStdString()] = count;
    result.structured = {{"rings", std::move(rings)},
                         {"messages", orphans.messages()},
                         {"bytes", orphans.bytes()},
                         {"dropped", orphans.droppedInAll()},
                         {"dropped_by_notebook", std::move(dropped)}};
    result.text = lines.isEmpty() ? QStringLiteral("There are no orphaned messages.")
                                  : lines.join(QLatin1Char('\n'));
    co_return result;
}

QCoro::Task<Result<ToolResult>> readOrphans(const Services *services, Json arguments, CallContext)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const auto arrivals = services->queue.orphans().read(*path, parentOf(arguments));
    if (!arrivals)
        co_return fail(arrivals.error());
    Json messages = Json::array();
    for (const Arrival &arrival : *arrivals)
        messages.push_back({{"channel", nameOf(arrival.channel)},
                            {"type", QString::fromUtf8(arrival.message.type())},
                            {"content", arrival.message.content}});
    ToolResult result;
    Json outputs = assets::shownWithoutFiles(outputsOf(*arrivals));
    result.text =
        QStringLiteral("%1 messages.\n%2").arg(arrivals->size()).arg(assets::readable(outputs));
    result.structured = {{"messages", std::move(messages)}, {"outputs", std::move(outputs)}};
    co_return result;
}

QCoro::Task<Result<ToolResult>> adoptOrphans(const Services *services, Json arguments,
                                             CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    Json ofTask = {{"task_id", arguments["task_id"]}, {"notebook_path", *path}};
    const Result<storage::TaskDetail> task =
        co_await loadTask(services, std::move(ofTask), context.scope);
    if (!task)
        co_return fail(task.error());
    const QByteArray parent = parentOf(arguments);
    kernels::OrphanBuffer &orphans = services->queue.orphans();
    // Out of the ring first: what comes while this is written stays there.
    const auto found = orphans.read(*path, parent);
    if (!found)
        co_return fail(found.error());
    const std::vector<Arrival> arrivals = orphans.take(*path, parent);
    storage::Adoption adoption{.task = task->task.id,
                               .parent = parent,
                               .since = services->clock.now(),
                               .outputs = toBytes(outputsOf(arrivals))};
    const Waiter<> adopting = services->adoptions.add(adoption);
    const Result<> adopted = co_await adopting.wait(*context.scope);
    if (!adopted) {
        for (const Arrival &arrival : arrivals)
            services->queue.orphans().keep(*path, arrival.channel, arrival.message);
        co_return fail(adopted.error());
    }
    ToolResult result;
    result.structured = {{"task_id", storage::nameOf(task->task)},
                         {"parent_id", QString::fromUtf8(parent)},
                         {"messages", arrivals.size()}};
    result.text = QStringLiteral(
                      "%1 messages are shown with task %2 from now on; its record is as "
                      "it was.")
                      .arg(arrivals.size())
                      .arg(storage::nameOf(task->task));
    co_return result;
}

QCoro::Task<Result<ToolResult>> discardOrphans(const Services *services, Json arguments,
                                               CallContext)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const Result<> gone = services->queue.orphans().discard(*path, parentOf(arguments));
    if (!gone)
        co_return fail(gone.error());
    ToolResult result;
    result.structured = {{"notebook_path", *path}, {"discarded", true}};
    result.text = QStringLiteral("They are gone.");
    co_return result;
}

Json ringArguments(Json more, Json required)
{
    Json properties = {{"notebook_path", pathSchema()},
                       {"parent_id", described("string", "parent_id of a ring in list_orphans")}};
    properties.update(more);
    return object(std::move(properties), std::move(required));
}

Json outputObject(Json properties, Json required)
{
    return {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)}};
}

}  // namespace

void addOrphanTools(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add({.name = QStringLiteral("list_orphans"),
                  .title = QStringLiteral("List orphaned messages"),
                  .description = QStringLiteral(
                      "Messages of kernels that belong to no task that runs, in one ring for each "
                      "request (parent_id) that they name, such as what a thread prints after its "
                      "cell has ended; and how many had to be dropped. Example: {}"),
                  .inputSchema = object(Json::object(), Json::array()),
                  .outputSchema = outputObject({{"rings", {{"type", "array"}}},
                                                {"messages", {{"type", "integer"}}},
                                                {"bytes", {{"type", "integer"}}},
                                                {"dropped", {{"type", "integer"}}},
                                                {"dropped_by_notebook", {{"type", "object"}}}},
                                               Json::array({"rings", "messages", "dropped"})),
                  .readOnly = true,
                  .idempotent = true,
                  .call = toolFunction(listOrphans, services)});
    registry.add(
        {.name = QStringLiteral("read_orphans"),
         .title = QStringLiteral("Read orphaned messages"),
         .description =
             QStringLiteral("The messages of one ring, and what they show; they stay in it. "
                            "Example: {\"notebook_path\": \"a.ipynb\", \"parent_id\": \"5f0c_7\"}"),
         .inputSchema = ringArguments(Json::object(), Json::array({"notebook_path", "parent_id"})),
         .outputSchema =
             outputObject({{"messages", {{"type", "array"}}}, {"outputs", {{"type", "array"}}}},
                          Json::array({"messages", "outputs"})),
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(readOrphans, services)});
    registry.add(
        {.name = QStringLiteral("adopt_orphans"),
         .title = QStringLiteral("Adopt orphaned messages"),
         .description = QStringLiteral(
             "Shows the messages of one ring with a task, as `adopted` beside its own "
             "outputs; its record is never changed. Example: {\"notebook_path\": "
             "\"a.ipynb\", \"parent_id\": \"5f0c_7\", \"task_id\": \"01a2b3c4d5e6\"}"),
         .inputSchema = ringArguments({{"task_id", {{"type", "string"}, {"minLength", 1}}}},
                                      Json::array({"notebook_path", "parent_id", "task_id"})),
         .outputSchema = outputObject({{"task_id", {{"type", "string"}}},
                                       {"parent_id", {{"type", "string"}}},
                                       {"messages", {{"type", "integer"}}}},
                                      Json::array({"task_id", "messages"})),
         .call = toolFunction(adoptOrphans, services)});
    registry.add(
        {.name = QStringLiteral("discard_orphans"),
         .title = QStringLiteral("Discard orphaned messages"),
         .description =
             QStringLiteral("Removes one ring with its messages. "
                            "Example: {\"notebook_path\": \"a.ipynb\", \"parent_id\": \"5f0c_7\"}"),
         .inputSchema = ringArguments(Json::object(), Json::array({"notebook_path", "parent_id"})),
         .outputSchema = outputObject(
             {{"notebook_path", {{"type", "string"}}}, {"discarded", {{"type", "boolean"}}}},
             Json::array({"discarded"})),
         .destructive = true,
         .idempotent = true,
         .call = toolFunction(discardOrphans, services)});
}

}  // namespace celldeck::tools
