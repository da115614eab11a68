#pragma once

#include "base/json.h"

/// JSON-RPC 2.0 as MCP uses it: one message at a time, no batches.
namespace celldeck::mcp {

namespace rpc {
inline constexpr int ParseError = -32700;
inline constexpr int InvalidRequest = -32600;
inline constexpr int MethodNotFound = -32601;
inline constexpr int InvalidParams = -32602;
inline constexpr int InternalError = -32603;
}  // namespace rpc

struct Incoming
{
    enum class Kind { Request, Notification, Response };
    Kind kind = Kind::Notification;
    Json id;         ///< A string or an integer; null for a notification
    QString method;  ///< "" for a response
    Json params = Json::object();
};

/// The message, or the error response to send back.
[[nodiscard]] std::expected<Incoming, Json> parseMessage(QByteArrayView text);

[[nodiscard]] Json response(const Json &id, Json result);
[[nodiscard]] Json errorResponse(const Json &id, int code, const QString &message);
[[nodiscard]] Json notification(const QString &method, Json params);

}  // namespace celldeck::mcp
