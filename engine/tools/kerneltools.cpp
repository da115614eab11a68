#include "tools/kerneltools.h"

#include <QDir>

#include "async/background.h"
#include "kernels/environment.h"
#include "tasks/notebookdrafts.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;

namespace {

constexpr double DefaultStartSeconds = 60;

/// `venv_path`, checked; nullopt where none is given.
QCoro::Task<Result<std::optional<QString>>> environmentOf(Json arguments, const TaskScope *scope)
{
    const QString given = celldeck::textOf(arguments, "venv_path");
    if (given.isEmpty())
        co_return std::optional<QString>();
    const auto spec = kernels::kernelSpecOfEnvironment(QDir::cleanPath(given));
    if (!spec)
        co_return fail(spec.error());
    const auto checking = inBackground<void>([spec = *spec] { return checkEnvironment(spec); });
    const Result<> checked = co_await checking.wait(*scope);
    if (!checked)
        co_return fail(checked.error());
    co_return std::optional<QString>(spec->name);
}

/// The kernel that the arguments name by venv_path or kernel_name, else the one that runs, else the
/// notebook's own.
QCoro::Task<Result<QString>> kernelNameOf(const Services *services, Json arguments, QString path,
                                          const TaskScope *scope)
{
    const Result<std::optional<QString>> environment = co_await environmentOf(arguments, scope);
    if (!environment)
        co_return fail(environment.error());
    if (*environment)
        co_return **environment;
    if (const QString name = celldeck::textOf(arguments, "kernel_name"); !name.isEmpty())
        co_return name;
    if (const kernels::Kernel *running = services->queue.kernel(path))
        co_return running->spec().name;
    const auto loading = loadInBackground(path);
    const Result<notebooks::Notebook> notebook = co_await loading.wait(*scope);
    if (!notebook)
        co_return fail(notebook.error());
    co_return tasks::kernelNameOf(*notebook, path);
}

Result<tasks::KernelSetup> setupOf(const Services &services, const Json &arguments)
{
    tasks::KernelSetup setup;
    if (const QString given = celldeck::textOf(arguments, "working_directory"); !given.isEmpty()) {
        const auto folder = workspaceFolder(services, given);
        if (!folder)
            return fail(folder.error());
        setup.workingDirectory = *folder;
    }
    if (const Json *environment = find(arguments, "environment")) {
        for (const auto &[name, value] : environment->items())
            setup.environment.insert(QString::fromStdString(name), value.get<QString>());
    }
    return setup;
}

ToolResult readyKernel(const QString &path, const kernels::Kernel &kernel)
{
    ToolResult result;
    result.structured = {{"notebook_path", path},
                         {"kernel_name", kernel.spec().name},
                         {"display_name", kernel.spec().displayName},
                         {"pid", kernel.pid()}};
    result.text = QStringLiteral("%1 is ready for %2 (process %3).")
                      .arg(kernel.spec().displayName, path)
                      .arg(kernel.pid());
    return result;
}

QCoro::Task<Result<ToolResult>> whenReady(const Services *services, QString path, Waiter<> starting,
                                          Milliseconds limit, const TaskScope *scope)
{
    const Result<> started = co_await starting.wait(*scope, limit);
    const kernels::Kernel *kernel = services->queue.kernel(path);
    if (!started && started.error().code == ErrorCode::Timeout && kernel) {
        QString what =
            QStringLiteral("the kernel of %1 is not ready after %2 s, and goes on starting")
                .arg(path)
                .arg(double(limit.count()) / 1'000);
        if (const QString words = kernel->lastErrors(); !words.isEmpty())
            what += QStringLiteral("; its last words: ") + words;
        co_return fail(ErrorCode::Timeout, what);
    }
    if (!started)
        co_return fail(started.error());
    if (!kernel)
        co_return fail(ErrorCode::NoKernel,
                       QStringLiteral("the kernel of %1 has ended again").arg(path));
    co_return readyKernel(path, *kernel);
}

QCoro::Task<Result<ToolResult>> startKernel(const Services *services, Json arguments,
                                            CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const auto setup = setupOf(*services, arguments);
    if (!setup)
        co_return fail(setup.error());
    const Result<QString> name = co_await kernelNameOf(services, arguments, *path, context.scope);
    if (!name)
        co_return fail(name.error());
    const double seconds = findNumber(arguments, "timeout").value_or(DefaultStartSeconds);
    co_return co_await whenReady(
        services, *path, services->queue.startKernel(*path, *name, *setup, actorOf(context)),
        Milliseconds(static_cast<qint64>(seconds * 1'000)), context.scope);
}

QCoro::Task<Result<ToolResult>> exchangeKernel(const Services *services, Json arguments,
                                               CallContext context, QString name)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    tasks::Session *session = services->queue.find(*path);
    if (!session)
        co_return fail(noKernel(*path));
    const double seconds = findNumber(arguments, "timeout").value_or(DefaultStartSeconds);
    co_return co_await whenReady(services, *path, session->exchangeKernel(name, actorOf(context)),
                                 Milliseconds(static_cast<qint64>(seconds * 1'000)), context.scope);
}

QCoro::Task<Result<ToolResult>> restartKernel(const Services *services, Json arguments,
                                              CallContext context)
{
    co_return co_await exchangeKernel(services, std::move(arguments), std::move(context),
                                      QString());
}

QCoro::Task<Result<ToolResult>> switchEnvironment(const Services *services, Json arguments,
                                                  CallContext context)
{
    if (!find(arguments, "venv_path") && !find(arguments, "kernel_name"))
        co_return fail(ErrorCode::InvalidArgument,
                       QStringLiteral("name the environment by venv_path or kernel_name"));
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const Result<QString> name = co_await kernelNameOf(services, arguments, *path, context.scope);
    if (!name)
        co_return fail(name.error());
    co_return co_await exchangeKernel(services, std::move(arguments), std::move(context), *name);
}

QCoro::Task<Result<ToolResult>> interruptKernel(const Services *services, Json arguments,
                                                CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    tasks::Session *session = services->queue.find(*path);
    const Result<> done = session ? session->interruptKernel() : fail(noKernel(*path));
    if (!done)
        co_return fail(done.error());
    const Waiter<> noting = services->audit.record({.by = actorOf(context),
                                                    .action = storage::Action::InterruptKernel,
                                                    .at = services->clock.now(),
                                                    .notebookPath = *path});
    const Result<> noted = co_await noting.wait(*context.scope);
    if (!noted)
        co_return fail(noted.error());
    ToolResult result;
    result.structured = {{"notebook_path", *path}, {"interrupted", true}};
    result.text = QStringLiteral("The kernel of %1 was told to interrupt its cell.").arg(*path);
    co_return result;
}

QCoro::Task<Result<ToolResult>> listKernelSpecs(const Services *, Json, CallContext context)
{
    const auto listing = inBackground<QList<kernels::KernelSpec>>(
        []() -> Result<QList<kernels::KernelSpec>> { return kernels::listKernelSpecs(); });
    const Result<QList<kernels::KernelSpec>> specs = co_await listing.wait(*context.scope);
    if (!specs)
        co_return fail(specs.error());
    ToolResult result;
    Json list = Json::array();
    QStringList lines;
    for (const kernels::KernelSpec &spec : *specs) {
        list.push_back({{"name", spec.name},
                        {"display_name", spec.displayName},
                        {"language", spec.language},
                        {"interrupt_mode", spec.interruptMode}});
        lines << QStringLiteral("%1  %2 (%3)").arg(spec.name, spec.displayName, spec.language);
    }
    result.structured = {{"kernelspecs", std::move(list)}};
    result.text =
        lines.isEmpty() ? QStringLiteral("There is no kernelspec.") : lines.join(QLatin1Char('\n'));
    co_return result;
}

QCoro::Task<Result<ToolResult>> stopKernel(const Services *services, Json arguments,
                                           CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    if (findBool(arguments, "if_idle").value_or(false)) {
        const tasks::Session *session = services->queue.find(*path);
        const auto status = session ? session->status() : tasks::SessionStatus{};
        if (status.running || status.waiting > 0)
            co_return ToolResult{
                .structured = {{"notebook_path", *path}, {"stopped", false}},
                .text = QStringLiteral("The kernel of %1 has work, and goes on.").arg(*path)};
    }
    const Waiter<> stopping = services->queue.stopKernel(*path, actorOf(context));
    const Result<> stopped = co_await stopping.wait(*context.scope);
    if (!stopped)
        co_return fail(stopped.error());
    ToolResult result;
    result.structured = {{"notebook_path", *path}, {"stopped", true}};
    result.text = QStringLiteral("The kernel of %1 has ended.").arg(*path);
    co_return result;
}

Json kernelObject()
{
    return {{"type", "object"},
            {"properties",
             {{"notebook_path", {{"type", "string"}}},
              {"kernel_name", {{"type", "string"}}},
              {"display_name", {{"type", "string"}}},
              {"pid", {{"type", "integer"}}}}},
            {"required", Json::array({"notebook_path", "kernel_name", "pid"})}};
}

Json flagObject(const char *flag)
{
    return {
        {"type", "object"},
        {"properties", {{"notebook_path", {{"type", "string"}}}, {flag, {{"type", "boolean"}}}}},
        {"required", Json::array({"notebook_path", flag})}};
}

Json timeoutSchema()
{
    return {{"type", "number"},
            {"exclusiveMinimum", 0},
            {"maximum", 600},
            {"description", "Seconds to wait until it is ready"}};
}

Json environmentSchema()
{
    return described("string", "Folder of a Python environment (venv or conda) that has ipykernel");
}

Json startArguments()
{
    return object(
        {{"notebook_path", pathSchema()},
         {"kernel_name",
          described("string", "Name of a kernelspec; the notebook's own if it is left out")},
         {"venv_path", environmentSchema()},
         {"working_directory",
          described("string", "Folder in the workspace; the notebook's own if it is left out")},
         {"environment",
          {{"type", "object"},
           {"additionalProperties", {{"type", "string"}}},
           {"description", "Environment variables of the kernel; recorded nowhere"}}},
         {"timeout", timeoutSchema()}},
        Json::array({"notebook_path"}));
}

void addStart(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(
        {.name = QStringLiteral("start_kernel"),
         .title = QStringLiteral("Start kernel"),
         .description = QStringLiteral(
             "Starts the kernel of a notebook and waits until it is ready; one that runs already "
             "is kept. Running a cell starts the kernel by itself, so this is needed only to "
             "choose the kernelspec, environment or folder, or to warm up. "
             "Example: {\"notebook_path\": \"analysis.ipynb\", \"kernel_name\": \"python3\"}"),
         .inputSchema = startArguments(),
         .outputSchema = kernelObject(),
         .idempotent = true,
         .call = toolFunction(startKernel, services)});
    registry.add(
        {.name = QStringLiteral("restart_kernel"),
         .title = QStringLiteral("Restart kernel"),
         .description = QStringLiteral(
             "Ends the kernel of a notebook, and with it all of its variables, and starts "
             "it again. A cell that runs ends as interrupted; cells that wait keep their "
             "order and run on the new kernel. "
             "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
         .inputSchema = object({{"notebook_path", pathSchema()}, {"timeout", timeoutSchema()}},
                               Json::array({"notebook_path"})),
         .outputSchema = kernelObject(),
         .destructive = true,
         .call = toolFunction(restartKernel, services)});
    registry.add(
        {.name = QStringLiteral("switch_kernel_environment"),
         .title = QStringLiteral("Switch kernel environment"),
         .description = QStringLiteral(
             "Moves a notebook to another environment: as restart_kernel, with the kernel "
             "of another Python environment or kernelspec. Cells that wait keep their "
             "order. Nothing changes if there is no such kernel. "
             "Example: {\"notebook_path\": \"a.ipynb\", \"venv_path\": "
             "\"/home/me/.venvs/new\"}"),
         .inputSchema = object({{"notebook_path", pathSchema()},
                                {"kernel_name", described("string", "Name of a kernelspec")},
                                {"venv_path", environmentSchema()},
                                {"timeout", timeoutSchema()}},
                               Json::array({"notebook_path"})),
         .outputSchema = kernelObject(),
         .destructive = true,
         .call = toolFunction(switchEnvironment, services)});
}

void addRest(mcp::ToolRegistry &registry, const Services &services)
{
    const Json onlyPath = object({{"notebook_path", pathSchema()}}, Json::array({"notebook_path"}));
    registry.add(
        {.name = QStringLiteral("stop_kernel"),
         .title = QStringLiteral("Stop kernel"),
         .description = QStringLiteral(
             "Ends the kernel of a notebook and with it all of its variables. A cell that runs "
             "ends as interrupted; cells that wait are cancelled; with if_idle, a kernel that has "
             "such cells is left alone. "
             "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
         .inputSchema =
             object({{"notebook_path", pathSchema()}, {"if_idle", {{"type", "boolean"}}}},
                    Json::array({"notebook_path"})),
         .outputSchema = flagObject("stopped"),
         .destructive = true,
         .call = toolFunction(stopKernel, services)});
    registry.add({.name = QStringLiteral("interrupt_kernel"),
                  .title = QStringLiteral("Interrupt kernel"),
                  .description = QStringLiteral(
                      "Interrupts the cell that runs, as Ctrl+C does; the kernel keeps its "
                      "variables, and the cell fails with what its language has for that. To end "
                      "one task as cancelled, use cancel_execution. "
                      "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
                  .inputSchema = onlyPath,
                  .outputSchema = flagObject("interrupted"),
                  .destructive = true,
                  .call = toolFunction(interruptKernel, services)});
    registry.add(
        {.name = QStringLiteral("list_kernelspecs"),
         .title = QStringLiteral("List kernelspecs"),
         .description = QStringLiteral("The kernels that can be started here. Example: {}"),
         .inputSchema = object(Json::object(), Json::array()),
         .outputSchema = {{"type", "object"},
                          {"properties", {{"kernelspecs", {{"type", "array"}}}}},
                          {"required", Json::array({"kernelspecs"})}},
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(listKernelSpecs, services)});
}

}  // namespace

void addKernelTools(mcp::ToolRegistry &registry, const Services &services)
{
    addStart(registry, services);
    addRest(registry, services);
}

}  // namespace celldeck::tools
