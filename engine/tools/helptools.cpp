#include "tools/helptools.h"

#include "tools/kernelexpression.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using kernels::Answer;
using mcp::CallContext;
using mcp::ToolResult;

namespace {

/// Where in the code: at its end unless something is given. In characters, as the protocol counts
/// since 5.2; ours of the code are UTF-16. Fails with InvalidArgument behind its end, for which
/// ipykernel has no answer.
Result<std::int64_t> cursorIn(const Json &arguments, const QString &code)
{
    const std::int64_t end = code.toUcs4().size();
    const std::int64_t cursor = findInt(arguments, "cursor_pos").value_or(end);
    if (cursor > end)
        return fail(
            ErrorCode::InvalidArgument,
            QStringLiteral("cursor_pos is %1, but code has %2 characters").arg(cursor).arg(end));
    return cursor;
}

QCoro::Task<Result<ToolResult>> getCompletions(const Services *services, Json arguments,
                                               CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const QString code = celldeck::textOf(arguments, "code");
    const auto cursor = cursorIn(arguments, code);
    if (!cursor)
        co_return fail(cursor.error());
    const Result<Answer> answer =
        co_await askKernel(services, *path, "complete_request",
                           {{"code", code}, {"cursor_pos", *cursor}}, context.scope);
    if (!answer)
        co_return fail(answer.error());
    const Json *matches = find(answer->content, "matches");
    ToolResult result;
    result.structured = {
        {"matches", matches && matches->is_array() ? *matches : Json::array()},
        {"cursor_start", findInt(answer->content, "cursor_start").value_or(*cursor)},
        {"cursor_end", findInt(answer->content, "cursor_end").value_or(*cursor)}};
    QStringList lines;
    for (const Json &match : result.structured["matches"]) {
        if (match.is_string())
            lines << match.get<QString>();
    }
    result.text =
        lines.isEmpty() ? QStringLiteral("No completion.") : lines.join(QLatin1Char('\n'));
    co_return result;
}

QCoro::Task<Result<ToolResult>> inspectCode(const Services *services, Json arguments,
                                            CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const QString code = celldeck::textOf(arguments, "code");
    const auto cursor = cursorIn(arguments, code);
    if (!cursor)
        co_return fail(cursor.error());
    const Result<Answer> answer =
        co_await askKernel(services, *path, "inspect_request",
                           {{"code", code},
                            {"cursor_pos", *cursor},
                            {"detail_level", findInt(arguments, "detail_level").value_or(0)}},
                           context.scope);
    if (!answer)
        co_return fail(answer.error());
    const Json *data = find(answer->content, "data");
    ToolResult result;
    result.structured = {{"found", findBool(answer->content, "found").value_or(false)},
                         {"data", data && data->is_object() ? *data : Json::object()}};
    const QString text = data ? celldeck::textOf(*data, "text/plain") : QString();
    result.text = text.isEmpty() ? QStringLiteral("Nothing is known of it.") : text;
    co_return result;
}

QCoro::Task<Result<ToolResult>> kernelHistory(const Services *services, Json arguments,
                                              CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const Result<Answer> answer =
        co_await askKernel(services, *path, "history_request",
                           {{"hist_access_type", "tail"},
                            {"n", findInt(arguments, "limit").value_or(20)},
                            {"output", false},
                            {"raw", true}},
                           context.scope);
    if (!answer)
        co_return fail(answer.error());
    ToolResult result;
    Json entries = Json::array();
    QStringList lines;
    const Json *history = find(answer->content, "history");
    for (const Json &entry : history && history->is_array() ? *history : Json::array()) {
        if (!entry.is_array() || entry.size() < 3 || !entry[2].is_string())
            continue;
        entries.push_back({{"execution_count", entry[1]}, {"code", entry[2]}});
        lines << entry[2].get<QString>();
    }
    result.structured = {{"history", std::move(entries)}};
    result.text =
        lines.isEmpty() ? QStringLiteral("There is no history.") : lines.join(QLatin1Char('\n'));
    co_return result;
}

QCoro::Task<Result<ToolResult>> isComplete(const Services *services, Json arguments,
                                           CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const Result<Answer> answer =
        co_await askKernel(services, *path, "is_complete_request",
                           {{"code", celldeck::textOf(arguments, "code")}}, context.scope);
    if (!answer)
        co_return fail(answer.error());
    ToolResult result;
    result.text = celldeck::textOf(answer->content, "status");
    result.structured = {{"status", result.text},
                         {"indent", celldeck::textOf(answer->content, "indent")}};
    co_return result;
}

Json codeArguments(Json more)
{
    Json properties = {{"notebook_path", pathSchema()}, {"code", {{"type", "string"}}}};
    properties.update(more);
    return object(std::move(properties), Json::array({"notebook_path", "code"}));
}

}  // namespace

void addHelpTools(mcp::ToolRegistry &registry, const Services &services)
{
    const Json cursor = {{"cursor_pos",
                          {{"type", "integer"},
                           {"minimum", 0},
                           {"description", "In characters; the end of the code if left out"}}}};
    const Json array = {{"type", "array"}};
    const Json text = {{"type", "string"}};
    const Json integer = {{"type", "integer"}};
    Json inspected = cursor;
    inspected["detail_level"] = {{"type", "integer"}, {"minimum", 0}, {"maximum", 1}};
    const Json limit = {{"type", "integer"}, {"minimum", 1}, {"maximum", 1'000}, {"default", 20}};
    addReader(
        registry, services,
        {.name = "get_completions",
         .title = "Get completions",
         .description = "What the kernel would complete at a place in the code. "
                        "Example: {\"notebook_path\": \"a.ipynb\", \"code\": \"df.gro\"}",
         .input = codeArguments(cursor),
         .properties = {{"matches", array}, {"cursor_start", integer}, {"cursor_end", integer}},
         .required = "matches",
         .function = getCompletions});
    addReader(
        registry, services,
        {.name = "inspect_code",
         .title = "Inspect code",
         .description = "What the kernel knows of the object at a place in the code: signature, "
                        "documentation, with detail_level 1 its source. "
                        "Example: {\"notebook_path\": \"a.ipynb\", \"code\": \"len\"}",
         .input = codeArguments(std::move(inspected)),
         .properties = {{"found", {{"type", "boolean"}}}, {"data", {{"type", "object"}}}},
         .required = "found",
         .function = inspectCode});
    addReader(registry, services,
              {.name = "get_kernel_history",
               .title = "Get kernel history",
               .description = "The code that the kernel itself remembers, oldest first. "
                              "Example: {\"notebook_path\": \"a.ipynb\", \"limit\": 5}",
               .input = object({{"notebook_path", pathSchema()}, {"limit", limit}},
                               Json::array({"notebook_path"})),
               .properties = {{"history", array}},
               .required = "history",
               .function = kernelHistory});
    addReader(
        registry, services,
        {.name = "is_code_complete",
         .title = "Is code complete",
         .description = "Whether code is complete, incomplete or invalid, as its kernel says. "
                        "Example: {\"notebook_path\": \"a.ipynb\", \"code\": \"for i in x:\"}",
         .input = codeArguments(Json::object()),
         .properties = {{"status", text}, {"indent", text}},
         .required = "status",
         .function = isComplete});
}

}  // namespace celldeck::tools
