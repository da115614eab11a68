#include "tools/sessiontools.h"

#include "async/background.h"
#include "kernels/processusage.h"
#include "tools/kernelexpression.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using kernels::KernelState;
using mcp::CallContext;
using mcp::ToolResult;
using tasks::SessionStatus;

namespace {

QString toText(KernelState state)
{
    switch (state) {
    case KernelState::Starting:
        return QStringLiteral("starting");
    case KernelState::Idle:
        return QStringLiteral("idle");
    case KernelState::Busy:
        return QStringLiteral("busy");
    case KernelState::Dead:
        break;
    }
    return QStringLiteral("dead");
}

Json sessionJson(const SessionStatus &session)
{
    Json kernel = nullptr;
    if (session.kernelState)
        kernel = {{"kernel_name", session.spec.name},  {"display_name", session.spec.displayName},
                  {"language", session.spec.language}, {"state", toText(*session.kernelState)},
                  {"responding", session.responding},  {"pid", session.pid}};
    return {{"notebook_path", session.notebookPath},
            {"kernel", std::move(kernel)},
            {"running_task", session.running ? Json(storage::nameOf(*session.running)) : Json()},
            {"waiting_tasks", session.waiting},
            {"paused", session.paused},
            {"input_request", inputJson(session.input)}};
}

QString lineOf(const SessionStatus &session)
{
    const QString kernel =
        session.kernelState
            ? QStringLiteral("%1, %2, process %3%4")
                  .arg(session.spec.name, toText(*session.kernelState))
                  .arg(session.pid)
                  .arg(session.responding ? QString() : QStringLiteral(", does not answer"))
            : QStringLiteral("no kernel");
    return QStringLiteral("%1  %2  %3 waiting")
        .arg(session.notebookPath, kernel)
        .arg(session.waiting);
}

ToolResult listed(const char *name, const QList<SessionStatus> &sessions, const QString &none)
{
    ToolResult result;
    Json list = Json::array();
    QStringList lines;
    for (const SessionStatus &session : sessions) {
        list.push_back(sessionJson(session));
        lines << lineOf(session);
    }
    result.structured[name] = std::move(list);
    result.text = lines.isEmpty() ? none : lines.join(QLatin1Char('\n'));
    return result;
}

QCoro::Task<Result<ToolResult>> listSessions(const Services *services, Json, CallContext)
{
    co_return listed("sessions", services->queue.sessions(),
                     QStringLiteral("No notebook was run yet."));
}

QCoro::Task<Result<ToolResult>> listKernels(const Services *services, Json, CallContext)
{
    QList<SessionStatus> sessions = services->queue.sessions();
    sessions.removeIf([](const SessionStatus &session) { return !session.kernelState; });
    co_return listed("kernels", sessions, QStringLiteral("No kernel runs."));
}

QCoro::Task<Result<ToolResult>> findSession(const Services *services, Json arguments, CallContext)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const tasks::Session *session = services->queue.find(*path);
    ToolResult result;
    result.structured = session ? sessionJson(session->status())
                                : sessionJson(SessionStatus{.notebookPath = *path});
    result.structured["active"] = session && session->kernel();
    result.text =
        session ? lineOf(session->status()) : QStringLiteral("%1 has no session.").arg(*path);
    co_return result;
}

QCoro::Task<Result<ToolResult>> attachSession(const Services *services, Json arguments,
                                              CallContext context)
{
    const Result<ToolResult> found = co_await findSession(services, arguments, context);
    if (!found)
        co_return found;
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    storage::TaskFilter filter;
    filter.notebookPath = *path;
    filter.limit = int(findInt(arguments, "limit").value_or(20));
    const auto listing = services->store.list(filter);
    const Result<QList<storage::TaskRecord>> recent = co_await listing.wait(*context.scope);
    if (!recent)
        co_return fail(recent.error());
    ToolResult result = *found;
    Json list = Json::array();
    Json outputs = Json::array();
    for (const storage::TaskRecord &task : *recent) {
        list.push_back(toJson(task));
        if (task.state == storage::TaskState::Running)
            outputs = assets::shownWithoutFiles(services->queue.liveOutputs(*path, task.id));
    }
    if (const QString text = assets::readable(outputs); !text.isEmpty())
        result.text += QLatin1Char('\n') + text;
    result.structured["tasks"] = std::move(list);
    result.structured["running_outputs"] = std::move(outputs);
    co_return result;
}

QCoro::Task<Result<ToolResult>> isBusy(const Services *services, Json arguments, CallContext)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const tasks::Session *session = services->queue.find(*path);
    const SessionStatus status = session ? session->status() : SessionStatus{.notebookPath = *path};
    const bool busy = status.kernelState == KernelState::Busy || status.running;
    ToolResult result;
    result.structured = {{"notebook_path", *path},
                         {"busy", busy},
                         {"state", status.kernelState ? Json(toText(*status.kernelState)) : Json()},
                         {"waiting_tasks", status.waiting}};
    result.text = busy ? QStringLiteral("It is busy.") : QStringLiteral("It is not busy.");
    co_return result;
}

Json processJson(const kernels::ProcessLine &line)
{
    return {{"pid", line.pid},
            {"command", line.command},
            {"cpu_s", double(line.cpuTime.count()) / 1'000},
            {"memory_bytes", line.residentBytes}};
}

QCoro::Task<Result<ToolResult>> checkResources(const Services *services, Json arguments,
                                               CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const kernels::Kernel *kernel = services->queue.kernel(*path);
    if (!kernel)
        co_return fail(noKernel(*path));
    const auto reading = inBackground<kernels::ProcessUsage>(
        [pid = kernel->pid()] { return kernels::usageOf(pid); });
    const Result<kernels::ProcessUsage> usage = co_await reading.wait(*context.scope);
    if (!usage)
        co_return fail(usage.error());
    ToolResult result;
    Json children = Json::array();
    for (const kernels::ProcessLine &child : usage->children)
        children.push_back(processJson(child));
    result.structured = processJson(usage->process);
    result.structured["notebook_path"] = *path;
    result.structured["threads"] = usage->threads;
    result.structured["children"] = std::move(children);
    result.structured["total_cpu_s"] = double(usage->cpuTime().count()) / 1'000;
    result.structured["total_memory_bytes"] = usage->residentBytes();
    result.text = QStringLiteral("Process %1 and %2 children: %3 s of CPU, %4 MiB of memory.")
                      .arg(usage->process.pid)
                      .arg(usage->children.size())
                      .arg(double(usage->cpuTime().count()) / 1'000)
                      .arg(usage->residentBytes() / (1024 * 1024));
    co_return result;
}

ToolResult folderResult(const QString &path, const QString &folder)
{
    ToolResult result;
    result.structured = {{"notebook_path", path}, {"working_directory", folder}};
    result.text = folder;
    return result;
}

QCoro::Task<Result<ToolResult>> checkFolder(const Services *services, Json arguments, CallContext)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const kernels::Kernel *kernel = services->queue.kernel(*path);
    if (!kernel)
        co_return fail(noKernel(*path));
    const auto folder = kernels::workingDirectoryOf(kernel->pid());
    if (!folder)
        co_return fail(folder.error());
    co_return folderResult(*path, *folder);
}

QCoro::Task<Result<ToolResult>> setFolder(const Services *services, Json arguments,
                                          CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const auto folder =
        workspaceFolder(*services, celldeck::textOf(arguments, "working_directory"));
    if (!folder)
        co_return fail(folder.error());
    tasks::Session *session = services->queue.find(*path);
    if (!session || !session->kernel())
        co_return fail(noKernel(*path));
    const Result<QString> expression =
        changeFolderExpression(session->kernel()->spec().language, *folder);
    if (!expression)
        co_return fail(expression.error());
    const Result<QString> changed = co_await evaluate(services, *path, *expression, context.scope);
    if (!changed)
        co_return fail(changed.error());
    session = services->queue.find(*path);
    if (session)
        session->setWorkingDirectory(*folder);
    co_return folderResult(*path, *folder);
}

Json sessionProperties()
{
    return {{"notebook_path", {{"type", "string"}}},
            {"kernel", {{"type", Json::array({"object", "null"})}}},
            {"running_task", {{"type", Json::array({"string", "null"})}}},
            {"waiting_tasks", {{"type", "integer"}}},
            {"paused", {{"type", "boolean"}}},
            {"input_request", {{"type", Json::array({"object", "null"})}}}};
}

Json answer(Json properties, Json required)
{
    return {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)}};
}

void addLists(mcp::ToolRegistry &registry, const Services &services)
{
    const Json item = answer(sessionProperties(), Json::array({"notebook_path", "kernel"}));
    const auto list = [&](const char *name, const char *title, const char *key,
                          const QString &description, Function function) {
        registry.add({.name = QLatin1String(name),
                      .title = QLatin1String(title),
                      .description = description,
                      .inputSchema = object(Json::object(), Json::array()),
                      .outputSchema =
                          answer({{key, {{"type", "array"}, {"items", item}}}}, Json::array({key})),
                      .readOnly = true,
                      .idempotent = true,
                      .call = toolFunction(function, services)});
    };
    list("list_kernels", "List kernels", "kernels",
         QStringLiteral("The kernels that run, each with its notebook, state and process. "
                        "Example: {}"),
         listKernels);
    list("list_all_sessions", "List sessions", "sessions",
         QStringLiteral("Every notebook that was worked on since the engine has started, with its "
                        "kernel, the task that runs and how many wait. Example: {}"),
         listSessions);
}

void addOfOne(mcp::ToolRegistry &registry, const Services &services)
{
    const Json onlyPath = object({{"notebook_path", pathSchema()}}, Json::array({"notebook_path"}));
    Json found = sessionProperties();
    found["active"] = {{"type", "boolean"}};
    Json attached = found;
    attached["tasks"] = {{"type", "array"}, {"items", taskObject(Json::object())}};
    attached["running_outputs"] = {{"type", "array"}};
    const auto add = [&](const char *name, const char *title, const QString &description,
                         const Json &input, const Json &properties, const char *required,
                         Function function) {
        registry.add({.name = QLatin1String(name),
                      .title = QLatin1String(title),
                      .description = description,
                      .inputSchema = input,
                      .outputSchema = answer(properties, Json::array({"notebook_path", required})),
                      .readOnly = true,
                      .idempotent = true,
                      .call = toolFunction(function, services)});
    };
    add("find_active_session", "Find active session",
        QStringLiteral("Whether a notebook has a kernel, and what it does. "
                       "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
        onlyPath, found, "active", findSession);
    add("attach_session", "Attach to session",
        QStringLiteral("All that a client needs to go on with a notebook where another, or itself "
                       "before a restart, has left: its kernel, its latest tasks, and what the "
                       "one that runs has printed so far. "
                       "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
        object(
            {{"notebook_path", pathSchema()},
             {"limit", {{"type", "integer"}, {"minimum", 1}, {"maximum", 500}, {"default", 20}}}},
            Json::array({"notebook_path"})),
        attached, "tasks", attachSession);
    add("is_kernel_busy", "Is kernel busy",
        QStringLiteral("Whether a cell runs in a notebook's kernel, and how many wait. "
                       "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
        onlyPath,
        {{"notebook_path", {{"type", "string"}}},
         {"busy", {{"type", "boolean"}}},
         {"state", {{"type", Json::array({"string", "null"})}}},
         {"waiting_tasks", {{"type", "integer"}}}},
        "busy", isBusy);
    const Json number = {{"type", "number"}};
    add("check_kernel_resources", "Check kernel resources",
        QStringLiteral("CPU time and memory of a kernel's process and of all that it has started. "
                       "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
        onlyPath,
        {{"notebook_path", {{"type", "string"}}},
         {"pid", number},
         {"command", {{"type", "string"}}},
         {"cpu_s", number},
         {"memory_bytes", number},
         {"threads", number},
         {"children", {{"type", "array"}}},
         {"total_cpu_s", number},
         {"total_memory_bytes", number}},
        "pid", checkResources);
    const Json folder = {{"notebook_path", {{"type", "string"}}},
                         {"working_directory", {{"type", "string"}}}};
    add("check_working_directory", "Check working directory",
        QStringLiteral("The working folder of a notebook's kernel. "
                       "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
        onlyPath, folder, "working_directory", checkFolder);
    registry.add(
        {.name = QStringLiteral("set_working_directory"),
         .title = QStringLiteral("Set working directory"),
         .description = QStringLiteral(
             "Moves the kernel of a notebook, and those that come after it, to a folder in the "
             "workspace; for kernels of Python and R. Waits behind a cell that runs. Example: "
             "{\"notebook_path\": \"analysis.ipynb\", \"working_directory\": \"data\"}"),
         .inputSchema = object({{"notebook_path", pathSchema()},
                                {"working_directory", {{"type", "string"}, {"minLength", 1}}}},
                               Json::array({"notebook_path", "working_directory"})),
         .outputSchema = answer(folder, Json::array({"notebook_path", "working_directory"})),
         .idempotent = true,
         .call = toolFunction(setFolder, services)});
}

}  // namespace

void addSessionTools(mcp::ToolRegistry &registry, const Services &services)
{
    addLists(registry, services);
    addOfOne(registry, services);
}

}  // namespace celldeck::tools
