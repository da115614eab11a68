#pragma once

#include <QCoroTask>
#include <QString>
#include <QStringList>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "async/taskscope.h"
#include "base/json.h"
#include "base/result.h"

namespace celldeck::mcp {

/// What a tool may need to know of the call besides its arguments.
struct CallContext
{
    QString client;  ///< Name of the client, for logs
    /// Closes when the client cancels the call or goes: what a tool waits with. Never null in a
    /// call.
    const TaskScope *scope = nullptr;
    std::function<void(double progress, std::optional<double> total, QString message)> progress;
};

/// A tool's answer: structured content, and the text a model reads.
struct ToolResult
{
    Json structured = Json::object();
    QString text;
    Json content = Json::array();  ///< Content blocks behind the text, such as images
    bool isError = false;
};

/// An error that a client can act on: {code, message}, and a text that begins with the code.
[[nodiscard]] ToolResult toolError(const Error &error);

using ToolFunction = std::function<QCoro::Task<Result<ToolResult>>(Json arguments, CallContext)>;

struct Tool
{
    QString name;
    QString title = {};
    QString description = {};  ///< With an example
    Json inputSchema;          ///< JSON Schema 2020-12, an object
    Json outputSchema;
    bool readOnly = false;
    bool destructive = false;
    bool idempotent = false;
    ToolFunction call;
};

/// The tools of a server, in the order of their names. Arguments are checked against the schema
/// before a tool sees them; what is wrong comes back as a tool result that names the argument, what
/// it was and what it should be. Owned by the engine; filled before the endpoint opens.
/// Thread: the engine's. Knows no socket and no notebook.
class ToolRegistry
{
public:
    void add(Tool tool);
    [[nodiscard]] Json list() const;  ///< The array of `tools/list`
    [[nodiscard]] const Tool *find(const QString &name) const;
    /// NotFound for an unknown tool; a bad argument or a failed tool is a ToolResult with isError.
    [[nodiscard]] QCoro::Task<Result<ToolResult>> call(QString name, Json arguments,
                                                       CallContext context) const;

private:
    std::map<QString, Tool> m_tools;
};

}  // namespace celldeck::mcp
