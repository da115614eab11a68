#include "mcp/jsonrpc.h"

namespace celldeck::mcp {

namespace {

bool isId(const Json &id)
{
    return id.is_string() || id.is_number_integer();
}

std::unexpected<Json> refuse(const Json &id, const QString &why)
{
    return std::unexpected(errorResponse(id, rpc::InvalidRequest, why));
}

}  // namespace

std::expected<Incoming, Json> parseMessage(QByteArrayView text)
{
    auto json = parseJson(text);
    if (!json)
        return std::unexpected(
            errorResponse(nullptr, rpc::ParseError,
                          QStringLiteral("the message is no JSON: ") + json.error().message));
    if (json->is_array())
        return refuse(nullptr, QStringLiteral("batches are not taken: send one message at a time"));
    if (!json->is_object() || textOf(*json, "jsonrpc") != QLatin1String("2.0"))
        return refuse(nullptr, QStringLiteral("the message is no JSON-RPC 2.0 object"));
    Incoming message;
    const Json *id = find(*json, "id");
    if (id && !isId(*id))
        return refuse(nullptr, QStringLiteral("the id should be a string or an integer"));
    if (id)
        message.id = *id;
    const Json *method = find(*json, "method");
    if (!method) {
        if (!id || (!find(*json, "result") && !find(*json, "error")))
            return refuse(message.id, QStringLiteral("the message has no method"));
        message.kind = Incoming::Kind::Response;
        return message;
    }
    if (!method->is_string())
        return refuse(message.id, QStringLiteral("the method should be a string"));
    message.method = method->get<QString>();
    message.kind = id ? Incoming::Kind::Request : Incoming::Kind::Notification;
    if (const Json *params = find(*json, "params")) {
        if (!params->is_object())
            return std::unexpected(errorResponse(message.id, rpc::InvalidParams,
                                                 QStringLiteral("params should be an object")));
        message.params = *params;
    }
    return message;
}

Json response(const Json &id, Json result)
{
    return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json errorResponse(const Json &id, int code, const QString &message)
{
    return {{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}};
}

Json notification(const QString &method, Json params)
{
    return {{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}};
}

}  // namespace celldeck::mcp
