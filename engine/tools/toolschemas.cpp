#include "tools/toolschemas.h"

namespace celldeck::tools {

Json described(const char *type, const char *description)
{
    return {{"type", type}, {"description", description}};
}

Json object(Json properties, Json required)
{
    return {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", std::move(required)},
            {"additionalProperties", false}};
}

Json pathSchema()
{
    return described("string",
                     "Path of the notebook; relative paths are relative to the workspace");
}

Json pageArguments(Json own, int defaultLimit, int maxLimit)
{
    own["cursor"] = described("string", "next_cursor of the page before");
    own["limit"] = {
        {"type", "integer"}, {"minimum", 1}, {"maximum", maxLimit}, {"default", defaultLimit}};
    return object(std::move(own), Json::array());
}

Json page(const char *key, Json item)
{
    return {{"type", "object"},
            {"properties",
             {{key, {{"type", "array"}, {"items", std::move(item)}}},
              {"next_cursor", {{"type", Json::array({"string", "null"})}}}}},
            {"required", Json::array({key, "next_cursor"})}};
}

Json taskSchema()
{
    const Json text{{"type", "string"}};
    const Json textOrNull{{"type", Json::array({"string", "null"})}};
    const Json numberOrNull{{"type", Json::array({"integer", "null"})}};
    return {
        {"task_id", text},
        {"status",
         {{"type", "string"},
          {"enum", Json::array({"pending", "running", "completed", "failed", "cancelled", "timeout",
                                "interrupted"})}}},
        {"notebook_path", text},
        {"cell_index", numberOrNull},
        {"execution_count", numberOrNull},
        {"error", textOrNull},
        {"error_code", textOrNull},
        {"retries", {{"type", "integer"}}},
        {"replay_of", textOrNull},
        {"state_lost",
         described("boolean",
                   "The kernel that its notebook had was gone before it began (a crash, a death, "
                   "a restart): variables of earlier cells are not there")},
        {"created_at", text},
        {"started_at", textOrNull},
        {"completed_at", textOrNull}};
}

Json taskObject(const Json &more)
{
    Json properties = taskSchema();
    properties.update(more);
    return {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", Json::array({"task_id", "status"})}};
}

mcp::ToolFunction toolFunction(Function function, const Services &services)
{
    return [function, shared = &services](Json arguments, mcp::CallContext context) {
        return function(shared, std::move(arguments), std::move(context));
    };
}

void addReader(mcp::ToolRegistry &registry, const Services &services, Reader reader)
{
    registry.add({.name = QLatin1String(reader.name),
                  .title = QLatin1String(reader.title),
                  .description = QString::fromUtf8(reader.description),
                  .inputSchema = std::move(reader.input),
                  .outputSchema = {{"type", "object"},
                                   {"properties", std::move(reader.properties)},
                                   {"required", Json::array({reader.required})}},
                  .readOnly = true,
                  .idempotent = true,
                  .call = toolFunction(reader.function, services)});
}

}  // namespace celldeck::tools
