#include "tools/variabletools.h"

#include <QFile>

#include "tools/kernelexpression.h"
#include "tools/toolschemas.h"

/// variables.py. A library's resources have to be asked for, and outside of every namespace.
static QString pythonSource()
{
    Q_INIT_RESOURCE(python);
    QFile file(QStringLiteral(":/celldeck/python/variables.py"));
    if (!file.open(QIODevice::ReadOnly))
        qFatal("variables.py is not among the resources");
    return QString::fromUtf8(file.readAll());
}

namespace celldeck::tools {

using kernels::Answer;
using mcp::CallContext;
using mcp::ToolResult;

namespace {

constexpr int MaxValueChars = 2'000;
constexpr int MaxListed = 500;

/// What a function of variables.py gives; null where there is no such variable. `arguments` is
/// Python, and ours. Fails with InvalidArgument where the kernel's language is another one.
QCoro::Task<Result<Answer>> callPython(const Services *services, QString path, QString function,
                                       QString arguments, const TaskScope *scope)
{
    const kernels::Kernel *kernel = services->queue.kernel(path);
    if (!kernel)
        co_return fail(noKernel(path));
    if (kernel->spec().language != QLatin1String("python"))
        co_return fail(
            ErrorCode::InvalidArgument,
            QStringLiteral("variables are listed for kernels of Python, and that of %1 is of "
                           "%2: get_completions and inspect_code work there too")
                .arg(path, kernel->spec().language));
    static const QString Source = pythonText(pythonSource());
    co_return co_await evaluateJson(
        services, path,
        QStringLiteral("(lambda m: (__import__('builtins').exec(%1, m), m['%2'](%3))[1])"
                       "({'__name__': 'celldeck_variables'})")
            .arg(Source, function, arguments),
        scope);
}

/// The same of one variable, which `name` in the tool's arguments names: looked up by it, and never
/// run as code. Fails with NotFound too.
QCoro::Task<Result<Answer>> callPythonWithName(const Services *services, Json arguments,
                                               QString function, int limit, const TaskScope *scope)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const QString name = celldeck::textOf(arguments, "name");
    const Result<Answer> answer =
        co_await callPython(services, *path, function,
                            QStringLiteral("%1, %2").arg(pythonText(name)).arg(limit), scope);
    if (answer && answer->content.is_null())
        co_return fail(ErrorCode::NotFound,
                       QStringLiteral("there is no variable \"%1\"").arg(name));
    co_return answer;
}

QCoro::Task<Result<ToolResult>> listVariables(const Services *services, Json arguments,
                                              CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const Result<Answer> answer = co_await callPython(services, *path, QStringLiteral("listing"),
                                                      QString::number(MaxListed), context.scope);
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

QCoro::Task<Result<ToolResult>> variableManifest(const Services *services, Json arguments,
                                                 CallContext context)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    const auto limit = findInt(arguments, "limit").value_or(MaxListed);
    const Result<Answer> answer = co_await callPython(services, *path, QStringLiteral("manifest"),
                                                      QString::number(limit), context.scope);
    if (!answer)
        co_return fail(answer.error());
    ToolResult result;
    result.structured = answer->content;
    QStringList lines;
    lines << QStringLiteral("%1 variables, %2 bytes")
                 .arg(findInt(answer->content, "count").value_or(0))
                 .arg(findInt(answer->content, "bytes").value_or(0));
    for (const Json &variable : result.structured["variables"]) {
        const auto bytes = findInt(variable, "bytes");
        lines << QStringLiteral("%1  %2  %3")
                     .arg(celldeck::textOf(variable, "name"), celldeck::textOf(variable, "type"),
                          bytes ? QString::number(*bytes) : QStringLiteral("?"));
    }
    result.text = lines.join(QLatin1Char('\n'));
    co_return result;
}

QCoro::Task<Result<ToolResult>> variableInfo(const Services *services, Json arguments,
                                             CallContext context)
{
    const Result<Answer> answer = co_await callPythonWithName(
        services, arguments, QStringLiteral("info"), MaxValueChars, context.scope);
    if (!answer)
        co_return fail(answer.error());
    ToolResult result;
    result.structured = answer->content;
    result.text = QStringLiteral("%1: %2\n%3")
                      .arg(celldeck::textOf(answer->content, "name"),
                           celldeck::textOf(answer->content, "type"),
                           celldeck::textOf(answer->content, "text"));
    co_return result;
}

QCoro::Task<Result<ToolResult>> inspectVariable(const Services *services, Json arguments,
                                                CallContext context)
{
    const auto count = static_cast<int>(findInt(arguments, "max_items").value_or(20));
    const Result<Answer> answer = co_await callPythonWithName(
        services, arguments, QStringLiteral("inspect"), count, context.scope);
    if (!answer)
        co_return fail(answer.error());
    ToolResult result;
    result.structured = answer->content;
    QStringList lines;
    lines << QStringLiteral("%1: %2").arg(celldeck::textOf(answer->content, "name"),
                                          celldeck::textOf(answer->content, "type"));
    if (const QString text = celldeck::textOf(answer->content, "text"); !text.isEmpty())
        lines << text;
    for (const Json &item : result.structured["items"])
        lines << QStringLiteral("  %1  %2  %3")
                     .arg(celldeck::textOf(item, "key"), celldeck::textOf(item, "type"),
                          celldeck::textOf(item, "value"));
    result.text = lines.join(QLatin1Char('\n'));
    co_return result;
}

Json limitArgument(const char *description, int most, int unlessSaid)
{
    return {{"type", "integer"},
            {"minimum", 1},
            {"maximum", most},
            {"default", unlessSaid},
            {"description", description}};
}

}  // namespace

void addVariableTools(mcp::ToolRegistry &registry, const Services &services)
{
    const Json array = {{"type", "array"}};
    const Json text = {{"type", "string"}};
    const Json integer = {{"type", "integer"}};
    const Json path = {{"notebook_path", pathSchema()}};
    const Json name = {{"type", "string"}, {"minLength", 1}};
    Json limited = path;
    limited["limit"] = limitArgument("How many, the biggest first", MaxListed, MaxListed);
    Json named = path;
    named["name"] = name;
    Json inspected = named;
    inspected["max_items"] = limitArgument("How many items, rows or attributes", 200, 20);
    addReader(
        registry, services,
        {.name = "list_variables",
         .title = "List variables",
         .description = "The variables of a Python kernel with type, size and, where it is simple, "
                        "value; without a trace in them. "
                        "Example: {\"notebook_path\": \"a.ipynb\"}",
         .input = object(path, Json::array({"notebook_path"})),
         .properties = {{"variables", array}, {"count", integer}},
         .required = "variables",
         .function = listVariables});
    addReader(registry, services,
              {.name = "get_variable_manifest",
               .title = "Get variable manifest",
               .description =
                   "The variables of a Python kernel by the memory that each takes itself, the "
                   "biggest first, without their values. "
                   "Example: {\"notebook_path\": \"a.ipynb\", \"limit\": 10}",
               .input = object(std::move(limited), Json::array({"notebook_path"})),
               .properties = {{"variables", array}, {"count", integer}, {"bytes", integer}},
               .required = "variables",
               .function = variableManifest});
    addReader(registry, services,
              {.name = "get_variable_info",
               .title = "Get variable info",
               .description =
                   "One variable of a Python kernel: type, size, shape, columns or keys, and the "
                   "beginning of its text. "
                   "Example: {\"notebook_path\": \"a.ipynb\", \"name\": \"df\"}",
               .input = object(std::move(named), Json::array({"notebook_path", "name"})),
               .properties = {{"name", text}, {"type", text}, {"text", text}},
               .required = "name",
               .function = variableInfo});
    addReader(registry, services,
              {.name = "inspect_variable",
               .title = "Inspect variable",
               .description =
                   "What is inside one variable of a Python kernel: the first rows of a table and "
                   "its columns with their types and missing values, least and greatest of an "
                   "array, items of a list or dict, signature and documentation of a function, "
                   "attributes of an object. Runs no code of the object's own. "
                   "Example: {\"notebook_path\": \"a.ipynb\", \"name\": \"df\", \"max_items\": 5}",
               .input = object(std::move(inspected), Json::array({"notebook_path", "name"})),
               .properties = {{"name", text}, {"type", text}, {"items", array}},
               .required = "name",
               .function = inspectVariable});
}

}  // namespace celldeck::tools
