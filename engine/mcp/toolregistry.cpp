#include "mcp/toolregistry.h"

#include "mcp/schema.h"

namespace celldeck::mcp {

namespace {

// A cell takes some milliseconds or some hours: soon enough for the former, cheap for the latter.
constexpr int RetryAfterS = 1;

}  // namespace

ToolResult toolError(const Error &error)
{
    ToolResult result;
    result.structured = {{"code", toCode(error.code)}, {"message", error.message}};
    if (error.code == ErrorCode::QueueFull)
        result.structured["retry_after_s"] = RetryAfterS;
    result.text = QStringLiteral("%1: %2").arg(toCode(error.code), error.message);
    result.isError = true;
    return result;
}

void ToolRegistry::add(Tool tool)
{
    const QString name = tool.name;
    m_tools.insert_or_assign(name, std::move(tool));
}

Json ToolRegistry::list() const
{
    Json tools = Json::array();
    for (const auto &[name, tool] : m_tools)
        tools.push_back({{"name", name},
                         {"title", tool.title},
                         {"description", tool.description},
                         {"inputSchema", tool.inputSchema},
                         {"outputSchema", tool.outputSchema},
                         {"annotations",
                          {{"title", tool.title},
                           {"readOnlyHint", tool.readOnly},
                           {"destructiveHint", tool.destructive},
                           {"idempotentHint", tool.idempotent},
                           {"openWorldHint", false}}}});
    return tools;
}

const Tool *ToolRegistry::find(const QString &name) const
{
    const auto found = m_tools.find(name);
    return found == m_tools.end() ? nullptr : &found->second;
}

QCoro::Task<Result<ToolResult>> ToolRegistry::call(QString name, Json arguments,
                                                   CallContext context) const
{
    const Tool *tool = find(name);
    if (!tool)
        co_return fail(ErrorCode::NotFound, QStringLiteral("there is no tool \"%1\"").arg(name));
    if (const Result<> good = checkSchema(tool->inputSchema, arguments); !good)
        co_return toolError(good.error());
    const Result<ToolResult> result = co_await tool->call(std::move(arguments), std::move(context));
    if (!result && result.error().code != ErrorCode::Cancelled)
        co_return toolError(result.error());
    co_return result;
}

}  // namespace celldeck::mcp
