#include "tools/widgettools.h"

#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;

namespace {

// For a kernel that was taken up to tell them.
constexpr Milliseconds WidgetsTake{2'000};

QCoro::Task<Result<ToolResult>> getWidgets(const Services *services, Json arguments,
                                           CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const auto living = [&]() -> const kernels::Kernel * {
        const kernels::Kernel *kernel = services->queue.kernel(*path);
        return kernel && kernel->state() != kernels::KernelState::Dead ? kernel : nullptr;
    };
    if (!living())
        co_return fail(noKernel(*path));
    // One that was taken up tells it when its cell has ended.
    const Waiter<> known = living()->widgetsKnown();
    const Result<> told = co_await known.wait(*context.scope, WidgetsTake);
    if (!told && told.error().code == ErrorCode::Cancelled)
        co_return fail(told.error());
    const kernels::Kernel *kernel = living();
    if (!kernel)
        co_return fail(noKernel(*path));
    std::uint64_t never = 0;
    const auto widgets = kernel->widgets(never);
    ToolResult result;
    const Json info = kernel->info();
    const Json *language = find(info, "language_info");
    result.structured = {{"notebook_path", *path},
                         {"widgets", widgets ? *widgets : Json()},
                         {"language_info", language ? *language : Json()}};
    result.text =
        widgets && widgets->is_object()
            ? QStringLiteral("The widgets of %1 are in the structured content.").arg(*path)
            : QStringLiteral("The kernel of %1 has no widgets.").arg(*path);
    co_return result;
}

}  // namespace

void addWidgetTools(mcp::ToolRegistry &registry, const Services &services)
{
    addReader(registry, services,
              {.name = "get_widgets",
               .title = "Get widgets",
               .description =
                   "What the widgets of a notebook's kernel are by now, as Jupyter saves them in "
                   "the notebook's metadata.widgets; null if it has none. With the kernel's "
                   "language_info, which Jupyter saves there too. "
                   "Example: {\"notebook_path\": \"analysis.ipynb\"}",
               .input = object({{"notebook_path", pathSchema()}}, Json::array({"notebook_path"})),
               .properties = {{"notebook_path", {{"type", "string"}}},
                              {"widgets", {{"type", Json::array({"object", "null"})}}},
                              {"language_info", {{"type", Json::array({"object", "null"})}}}},
               .required = "widgets",
               .function = getWidgets});
}

}  // namespace celldeck::tools
