#include "mcp/session.h"

namespace celldeck::mcp {

namespace {

const QString Instructions = QStringLiteral(
    "Celldeck runs Jupyter notebook cells and never loses one. run_cell_async and run_all_cells "
    "queue cells and return task ids at once; wait_for_task returns their outputs. A task goes on "
    "when you stop waiting, and survives a restart of the server.");

const QStringList LogLevels{QStringLiteral("debug"),  QStringLiteral("info"),
                            QStringLiteral("notice"), QStringLiteral("warning"),
                            QStringLiteral("error"),  QStringLiteral("critical"),
                            QStringLiteral("alert"),  QStringLiteral("emergency")};

Json toJson(const ToolResult &result)
{
    Json answer{{"content", Json::array({{{"type", "text"}, {"text", result.text}}})},
                {"isError", result.isError}};
    for (const Json &block : result.content)
        answer["content"].push_back(block);
    // Clients hold structured content to the tool's output schema even where it is an error.
    if (result.isError)
        answer["_meta"] = {{"celldeck/error", result.structured}};
    else
        answer["structuredContent"] = result.structured;
    return answer;
}

}  // namespace

Session::Session(const ToolRegistry &tools, QString serverVersion, Sink sink)
    : m_tools(tools), m_version(std::move(serverVersion)), m_sink(std::move(sink))
{}

Session::~Session()
{
    // A call that ends takes itself out of the map.
    while (!m_calls.empty()) {
        const Json id = m_calls.begin()->first;
        m_calls.begin()->second->close();
        m_calls.erase(id);
    }
}

const QStringList &Session::revisions()
{
    static const QStringList list{QStringLiteral("2025-11-25"), QStringLiteral("2025-06-18"),
                                  QStringLiteral("2025-03-26")};
    return list;
}

void Session::receive(const Incoming &message)
{
    switch (message.kind) {
    case Incoming::Kind::Request:
        answer(message);
        break;
    case Incoming::Kind::Notification:
        if (message.method == QLatin1String("notifications/cancelled"))
            cancel(message.params);
        break;
    case Incoming::Kind::Response:
        break;  // This server asks its clients nothing.
    }
}

void Session::answer(const Incoming &request)
{
    const auto reply = [&](Json result) {
        m_sink(response(request.id, std::move(result)), request.id);
    };
    const auto refuse = [&](int code, const QString &why) {
        m_sink(errorResponse(request.id, code, why), request.id);
    };
    const QString &method = request.method;
    if (method == QLatin1String("ping"))
        return reply(Json::object());
    if (method == QLatin1String("initialize")) {
        if (m_initialized)
            return refuse(rpc::InvalidRequest,
                          QStringLiteral("the session is initialized already"));
        return reply(initialize(request));
    }
    if (!m_initialized)
        return refuse(rpc::InvalidRequest, QStringLiteral("initialize comes first"));
    if (method == QLatin1String("tools/list")) {
        if (find(request.params, "cursor"))
            return refuse(rpc::InvalidParams,
                          QStringLiteral("the cursor is unknown: all tools are on the first page"));
        return reply({{"tools", m_tools.list()}});
    }
    if (method == QLatin1String("tools/call"))
        return startCall(request);
    if (method == QLatin1String("logging/setLevel")) {
        if (!LogLevels.contains(textOf(request.params, "level")))
            return refuse(rpc::InvalidParams, QStringLiteral("level should be one of ") +
                                                  LogLevels.join(QStringLiteral(", ")));
        return reply(Json::object());
    }
    refuse(rpc::MethodNotFound, QStringLiteral("there is no method %1").arg(method));
}

Json Session::initialize(const Incoming &request)
{
    m_initialized = true;
    const QString asked = textOf(request.params, "protocolVersion");
    if (const Json *client = find(request.params, "clientInfo"))
        m_client = textOf(*client, "name");
    return {{"protocolVersion", revisions().contains(asked) ? asked : revisions().first()},
            {"capabilities", {{"tools", {{"listChanged", false}}}, {"logging", Json::object()}}},
            {"serverInfo", {{"name", "celldeck"}, {"title", "Celldeck"}, {"version", m_version}}},
            {"instructions", Instructions}};
}

void Session::startCall(const Incoming &request)
{
    const QString name = textOf(request.params, "name");
    const Json *arguments = find(request.params, "arguments");
    if (!m_tools.find(name) || (arguments && !arguments->is_object())) {
        m_sink(
            errorResponse(request.id, rpc::InvalidParams,
                          m_tools.find(name) ? QStringLiteral("arguments should be an object")
                                             : QStringLiteral("there is no tool \"%1\"").arg(name)),
            request.id);
        return;
    }
    if (m_calls.contains(request.id)) {
        m_sink(errorResponse(request.id, rpc::InvalidRequest,
                             QStringLiteral("a request with this id runs already")),
               request.id);
        return;
    }
    const Json *meta = find(request.params, "_meta");
    const Json *token = meta ? find(*meta, "progressToken") : nullptr;
    m_calls.emplace(request.id, std::make_unique<TaskScope>());
    m_scope.start(
        call(request.id, name, arguments ? *arguments : Json::object(), token ? *token : Json()));
}

QCoro::Task<> Session::call(Json id, QString name, Json arguments, Json progressToken)
{
    CallContext context;
    context.client = m_client;
    context.scope = m_calls.at(id).get();
    if (!progressToken.is_null())
        context.progress = [this, id, progressToken](double progress, std::optional<double> total,
                                                     const QString &message) {
            Json params{{"progressToken", progressToken}, {"progress", progress}};
            if (total)
                params["total"] = *total;
            if (!message.isEmpty())
                params["message"] = message;
            m_sink(notification(QStringLiteral("notifications/progress"), std::move(params)), id);
        };
    const Result<ToolResult> result =
        co_await m_tools.call(std::move(name), std::move(arguments), std::move(context));
    const auto own = m_calls.find(id);
    const bool cancelled = own == m_calls.end() || own->second->isClosed();
    m_calls.erase(id);
    if (cancelled)
        co_return;  // A cancelled request gets no response.
    if (result)
        m_sink(response(id, toJson(*result)), id);
    else
        m_sink(errorResponse(id, rpc::InternalError, result.error().message), id);
}

void Session::announce(const QString &method, Json params)
{
    if (!m_initialized)
        return;
    params["seq"] = ++m_announced;
    m_sink(notification(method, std::move(params)), Json());
}

void Session::cancel(const Json &params)
{
    const Json *id = find(params, "requestId");
    if (!id)
        return;
    if (const auto found = m_calls.find(*id); found != m_calls.end())
        found->second->close();
}

}  // namespace celldeck::mcp
