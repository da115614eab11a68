#include "tools/kerneltools.h"

#include "tasks/notebookdrafts.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;

namespace {

QCoro::Task<Result<ToolResult>> startKernel(const Services *services, Json arguments,
                                            CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    QString name = celldeck::textOf(arguments, "kernel_name");
    if (name.isEmpty()) {
        const auto loading = loadInBackground(*path);
        const Result<notebooks::Notebook> notebook = co_await loading.wait(*context.scope);
        if (!notebook)
            co_return fail(notebook.error());
        const auto own = tasks::kernelNameOf(*notebook, *path);
        if (!own)
            co_return fail(own.error());
        name = *own;
    }
    const Waiter<> starting = services->queue.startKernel(*path, name);
    const Result<> started = co_await starting.wait(*context.scope);
    if (!started)
        co_return fail(started.error());
    const kernels::Kernel *kernel = services->queue.kernel(*path);
    if (!kernel)
        co_return fail(ErrorCode::NoKernel,
                       QStringLiteral("the kernel of %1 has ended again").arg(*path));
    ToolResult result;
    result.structured = {{"notebook_path", *path},
                         {"kernel_name", kernel->spec().name},
                         {"display_name", kernel->spec().displayName},
                         {"pid", kernel->pid()}};
    result.text = QStringLiteral("%1 is ready for %2 (process %3).")
                      .arg(kernel->spec().displayName, *path)
                      .arg(kernel->pid());
    co_return result;
}

QCoro::Task<Result<ToolResult>> stopKernel(const Services *services, Json arguments,
                                           CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const Waiter<> stopping = services->queue.stopKernel(*path);
    const Result<> stopped = co_await stopping.wait(*context.scope);
    if (!stopped)
        co_return fail(stopped.error());
    ToolResult result;
    result.structured = {{"notebook_path", *path}, {"stopped", true}};
    result.text = QStringLiteral("The kernel of %1 has ended.").arg(*path);
    co_return result;
}

}  // namespace

void addKernelTools(mcp::ToolRegistry &registry, const Services &services)
{
    const Services *shared = &services;
    registry.add(
        {.name = QStringLiteral("start_kernel"),
         .title = QStringLiteral("Start kernel"),
         .description = QStringLiteral(
             "Starts the kernel of a notebook and waits until it is ready; one that runs already "
             "is kept. Running a cell starts the kernel by itself, so this is needed only to "
             "choose the kernelspec or to warm up. "
             "Example: {\"notebook_path\": \"analysis.ipynb\", \"kernel_name\": \"python3\"}"),
         .inputSchema = {{"type", "object"},
                         {"properties",
                          {{"notebook_path", pathSchema()},
                           {"kernel_name",
                            {{"type", "string"},
                             {"description",
                              "Name of a kernelspec; the notebook's own if it is "
                              "left out"}}}}},
                         {"required", Json::array({"notebook_path"})},
                         {"additionalProperties", false}},
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"notebook_path", {{"type", "string"}}},
                            {"kernel_name", {{"type", "string"}}},
                            {"display_name", {{"type", "string"}}},
                            {"pid", {{"type", "integer"}}}}},
                          {"required", Json::array({"notebook_path", "kernel_name", "pid"})}},
         .idempotent = true,
         .call = [shared](Json arguments, CallContext context) {
             return startKernel(shared, std::move(arguments), std::move(context));
         }});
    registry.add(
        {.name = QStringLiteral("stop_kernel"),
         .title = QStringLiteral("Stop kernel"),
         .description = QStringLiteral(
             "Ends the kernel of a notebook and with it all of its variables. A cell that runs "
             "ends as interrupted; cells that wait are cancelled. "
             "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
         .inputSchema = {{"type", "object"},
                         {"properties", {{"notebook_path", pathSchema()}}},
                         {"required", Json::array({"notebook_path"})},
                         {"additionalProperties", false}},
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"notebook_path", {{"type", "string"}}},
                            {"stopped", {{"type", "boolean"}}}}},
                          {"required", Json::array({"notebook_path", "stopped"})}},
         .destructive = true,
         .call = [shared](Json arguments, CallContext context) {
             return stopKernel(shared, std::move(arguments), std::move(context));
         }});
}

}  // namespace celldeck::tools
