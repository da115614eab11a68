#include "tools/variabletools.h"

#include "tools/kernelexpression.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using kernels::Answer;
using mcp::CallContext;
using mcp::ToolResult;

namespace {

constexpr int MaxValueChars = 2'000;
constexpr int MaxListed = 500;

/// How a value is described: a function of its name and itself. Only of what is built in is its
/// text taken; the `__repr__` of others is the user's code, and may be slow or do something.
const QString Describe = QStringLiteral(
    "(lambda n, v: {'name': n, 'type': type(v).__name__, 'module': type(v).__module__,"
    " 'size': (len(v) if isinstance(v, (str, bytes, list, tuple, dict, set, frozenset)) else None),"
    " 'shape': (list(v.shape) if type(v).__module__.split('.')[0] in ('numpy', 'pandas')"
    " and isinstance(getattr(v, 'shape', None), tuple) else None),"
    " 'value': (repr(v[:80] if isinstance(v, (str, bytes)) else v)[:100]"
    " if type(v) in (str, bytes, int, float, bool, complex, type(None)) else None)})");

/// The variables that the user has made: what IPython itself brings is hidden.
const QString Names = QStringLiteral(
    "(lambda ip: sorted(n for n in list(ip.user_ns) if not n.startswith('_')"
    " and n not in ip.user_ns_hidden))(get_ipython())");

/// The kernel's language has to be Python.
Result<> needPython(const Services &services, const QString &path)
{
    const kernels::Kernel *kernel = services.queue.kernel(path);
    if (!kernel)
        return fail(noKernel(path));
    if (kernel->spec().language == QLatin1String("python"))
        return {};
    return fail(ErrorCode::InvalidArgument,
                QStringLiteral("variables are listed for kernels of Python, and that of %1 is of "
                               "%2: get_completions and inspect_code work there too")
                    .arg(path, kernel->spec().language));
}

QCoro::Task<Result<ToolResult>> getCompletions(const Services *services, Json arguments,
                                               CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const QString code = celldeck::textOf(arguments, "code");
    // Both count characters, as the protocol does since 5.2; ours of the code are UTF-16.
    const std::int64_t all = code.toUcs4().size();
    const Result<Answer> answer = co_await askKernel(
        services, *path, "complete_request",
        {{"code", code}, {"cursor_pos", findInt(arguments, "cursor_pos").value_or(all)}},
        context.scope);
    if (!answer)
        co_return fail(answer.error());
    const Json *matches = find(answer->content, "matches");
    ToolResult result;
    result.structured = {{"matches", matches && matches->is_array() ? *matches : Json::array()},
                         {"cursor_start", findInt(answer->content, "cursor_start").value_or(all)},
                         {"cursor_end", findInt(answer->content, "cursor_end").value_or(all)}};
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
    const Result<Answer> answer = co_await askKernel(
        services, *path, "inspect_request",
        {{"code", code},
         {"cursor_pos", findInt(arguments, "cursor_pos").value_or(code.toUcs4().size())},
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

QCoro::Task<Result<ToolResult>> listVariables(const Services *services, Json arguments,
                                              CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    if (const Result<> able = needPython(*services, *path); !able)
        co_return fail(able.error());
    const Result<Answer> answer = co_await evaluateJson(
        services, *path,
        QStringLiteral("(lambda names, ns: {'count': len(names), 'variables': [%1(n, ns[n])"
                       " for n in names[:%2] if type(ns[n]).__name__ != 'module']})"
                       "(%3, get_ipython().user_ns)")
            .arg(Describe)
            .arg(MaxListed)
            .arg(Names),
        context.scope);
    if (!answer)
        co_return fail(answer.error());
    ToolResult result;
    result.structured = answer->content;
    QStringList lines;
    for (const Json &variable : result.structured["variables"])
        lines << QStringLiteral("%1  %2  %3")
                     .arg(celldeck::textOf(variable, "name"), celldeck::textOf(variable, "type"),
                          celldeck::textOf(variable, "value"));
    result.text =
        lines.isEmpty() ? QStringLiteral("There are no variables.") : lines.join(QLatin1Char('\n'));
    co_return result;
}

QCoro::Task<Result<ToolResult>> variableInfo(const Services *services, Json arguments,
                                             CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    if (const Result<> able = needPython(*services, *path); !able)
        co_return fail(able.error());
    const QString name = celldeck::textOf(arguments, "name");
    // Looked up by its name, and never run as code. Here the user asks for this one value, and so
    // for what its own `__repr__` makes of it.
    const Result<Answer> answer = co_await evaluateJson(
        services, *path,
        QStringLiteral("(lambda n, ns: None if n not in ns else dict(%1(n, ns[n]),"
                       " text=repr(ns[n])[:%2],"
                       " keys=[str(k)[:100] for k in list(ns[n])[:50]] if isinstance(ns[n], dict)"
                       " else None,"
                       " columns=[str(c)[:100] for c in list(ns[n].columns)[:100]]"
                       " if type(ns[n]).__name__ == 'DataFrame' else None))"
                       "(%3, get_ipython().user_ns)")
            .arg(Describe)
            .arg(MaxValueChars)
            .arg(pythonText(name)),
        context.scope);
    if (!answer)
        co_return fail(answer.error());
    if (answer->content.is_null())
        co_return fail(ErrorCode::NotFound,
                       QStringLiteral("there is no variable \"%1\"").arg(name));
    ToolResult result;
    result.structured = answer->content;
    result.text = QStringLiteral("%1: %2\n%3")
                      .arg(name, celldeck::textOf(answer->content, "type"),
                           celldeck::textOf(answer->content, "text"));
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

void addVariableTools(mcp::ToolRegistry &registry, const Services &services)
{
    const auto add = [&](const char *name, const char *title, const QString &description,
                         Json input, Json properties, const char *required, Function function) {
        registry.add({.name = QLatin1String(name),
                      .title = QLatin1String(title),
                      .description = description,
                      .inputSchema = std::move(input),
                      .outputSchema = {{"type", "object"},
                                       {"properties", std::move(properties)},
                                       {"required", Json::array({required})}},
                      .readOnly = true,
                      .idempotent = true,
                      .call = toolFunction(function, services)});
    };
    const Json cursor = {{"cursor_pos",
                          {{"type", "integer"},
                           {"minimum", 0},
                           {"description", "In characters; the end of the code if left out"}}}};
    const Json array = {{"type", "array"}};
    const Json text = {{"type", "string"}};
    add("get_completions", "Get completions",
        QStringLiteral("What the kernel would complete at a place in the code. "
                       "Example: {\"notebook_path\": \"a.ipynb\", \"code\": \"df.gro\"}"),
        codeArguments(cursor),
        {{"matches", array},
         {"cursor_start", {{"type", "integer"}}},
         {"cursor_end", {{"type", "integer"}}}},
        "matches", getCompletions);
    Json inspected = cursor;
    inspected["detail_level"] = {{"type", "integer"}, {"minimum", 0}, {"maximum", 1}};
    add("inspect_code", "Inspect code",
        QStringLiteral("What the kernel knows of the object at a place in the code: signature, "
                       "documentation, with detail_level 1 its source. "
                       "Example: {\"notebook_path\": \"a.ipynb\", \"code\": \"len\"}"),
        codeArguments(inspected),
        {{"found", {{"type", "boolean"}}}, {"data", {{"type", "object"}}}}, "found", inspectCode);
    const Json onlyPath = object({{"notebook_path", pathSchema()}}, Json::array({"notebook_path"}));
    add("list_variables", "List variables",
        QStringLiteral("The variables of a Python kernel with type, size and, where it is simple, "
                       "value; without a trace in them. "
                       "Example: {\"notebook_path\": \"a.ipynb\"}"),
        onlyPath, {{"variables", array}, {"count", {{"type", "integer"}}}}, "variables",
        listVariables);
    const Json named =
        object({{"notebook_path", pathSchema()}, {"name", {{"type", "string"}, {"minLength", 1}}}},
               Json::array({"notebook_path", "name"}));
    const Json info = {{"name", text}, {"type", text}, {"text", text}};
    add("get_variable_info", "Get variable info",
        QStringLiteral("One variable of a Python kernel: type, size, shape, columns or keys, and "
                       "the beginning of its text. "
                       "Example: {\"notebook_path\": \"a.ipynb\", \"name\": \"df\"}"),
        named, info, "name", variableInfo);
    add("get_kernel_history", "Get kernel history",
        QStringLiteral("The code that the kernel itself remembers, oldest first. "
                       "Example: {\"notebook_path\": \"a.ipynb\", \"limit\": 5}"),
        object(
            {{"notebook_path", pathSchema()},
             {"limit", {{"type", "integer"}, {"minimum", 1}, {"maximum", 1'000}, {"default", 20}}}},
            Json::array({"notebook_path"})),
        {{"history", array}}, "history", kernelHistory);
    add("is_code_complete", "Is code complete",
        QStringLiteral("Whether code is complete, incomplete or invalid, as its kernel says. "
                       "Example: {\"notebook_path\": \"a.ipynb\", \"code\": \"for i in x:\"}"),
        codeArguments(Json::object()), {{"status", text}, {"indent", text}}, "status", isComplete);
}

}  // namespace celldeck::tools
