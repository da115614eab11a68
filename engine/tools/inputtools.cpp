#include "tools/inputtools.h"

#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;

namespace {

// The text goes to the kernel and nowhere else: into no log, record, error or result.
QCoro::Task<Result<ToolResult>> submitInput(const Services *services, Json arguments, CallContext)
{
    const auto path = notebookPath(*services, arguments);
    if (!path)
        co_return fail(path.error());
    tasks::Session *session = services->queue.find(*path);
    if (!session)
        co_return fail(ErrorCode::Conflict,
                       QStringLiteral("no cell of %1 waits for input").arg(*path));
    const Result<> answered = session->answerInput(celldeck::textOf(arguments, "text"));
    if (!answered)
        co_return fail(answered.error());
    ToolResult result;
    result.structured = {{"notebook_path", *path}, {"submitted", true}};
    result.text = QStringLiteral("It was sent to the cell of %1.").arg(*path);
    co_return result;
}

}  // namespace

void addInputTools(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(
        {.name = QStringLiteral("submit_input"),
         .title = QStringLiteral("Submit input"),
         .description = QStringLiteral(
             "Answers the input() or getpass() that the running cell of a notebook waits for "
             "(input_request in get_execution_status). The text is recorded nowhere. A cell that "
             "was running when an engine died may have asked while none was there, and one that "
             "was interrupted while it asked may wait still (may_have_asked): it takes the text "
             "too, or does not notice it; a kernel other than "
             "ipykernel may keep it for the next question that it asks. "
             "Example: {\"notebook_path\": \"analysis.ipynb\", \"text\": \"yes\"}"),
         .inputSchema =
             object({{"notebook_path", pathSchema()},
                     {"text", described("string", "One line, without its line feed; may be \"\"")}},
                    Json::array({"notebook_path", "text"})),
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"notebook_path", {{"type", "string"}}},
                            {"submitted", {{"type", "boolean"}}}}},
                          {"required", Json::array({"notebook_path", "submitted"})}},
         .call = toolFunction(submitInput, services)});
}

}  // namespace celldeck::tools
