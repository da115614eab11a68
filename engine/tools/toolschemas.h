#pragma once

#include "mcp/toolregistry.h"
#include "tools/services.h"

/// The pieces of which the tools' input and output schemas (JSON Schema 2020-12) are made.
namespace celldeck::tools {

[[nodiscard]] Json described(const char *type, const char *description);
/// An object with these properties and no others.
[[nodiscard]] Json object(Json properties, Json required);
[[nodiscard]] Json pathSchema();

/// The arguments of a tool that answers a page at a time: its own, `cursor` and `limit`.
[[nodiscard]] Json pageArguments(Json own, int defaultLimit, int maxLimit);
/// Its answer: the items under `key`, and `next_cursor`, null behind the last page.
[[nodiscard]] Json page(const char *key, Json item);

/// The properties of what `toJson(TaskRecord)` gives.
[[nodiscard]] Json taskSchema();
/// An object that is a task, with more properties.
[[nodiscard]] Json taskObject(const Json &more);

using Function = QCoro::Task<Result<mcp::ToolResult>> (*)(const Services *, Json, mcp::CallContext);
/// `function` as the registry calls it. Requires: the services outlive the registry.
[[nodiscard]] mcp::ToolFunction toolFunction(Function function, const Services &services);

/// A tool that changes nothing, and gives the same when it is called again.
struct Reader
{
    const char *name;
    const char *title;
    const char *description;
    Json input;
    Json properties;       ///< of its answer
    const char *required;  ///< one of these
    Function function;
};
void addReader(mcp::ToolRegistry &registry, const Services &services, Reader reader);

}  // namespace celldeck::tools
