#include "storage/importedtask.h"

namespace celldeck::storage {

namespace {

Json timeOrNull(const std::optional<UtcTime> &time)
{
    return time ? Json(time->time_since_epoch().count()) : Json(nullptr);
}

std::optional<UtcTime> timeOf(const Json &json, const char *name)
{
    const auto number = findInt(json, name);
    return number ? std::optional(UtcTime(Milliseconds(*number))) : std::nullopt;
}

}  // namespace

Json toJson(const ImportedTask &task)
{
    Json json{{"task_id", task.draft.key},
              {"notebook_path", task.draft.notebookPath},
              {"cell_index", task.draft.cellIndex},
              {"code", task.draft.code},
              {"retries", task.draft.retries},
              {"status", toText(task.outcome ? task.outcome->state : TaskState::Pending)},
              {"created_ms", timeOrNull(task.createdAt)},
              {"started_ms", timeOrNull(task.startedAt)}};
    if (!task.outcome)
        return json;
    json["completed_ms"] = timeOrNull(task.outcome->finishedAt);
    json["error_message"] = task.outcome->error;
    json["outputs_json"] = QString::fromUtf8(task.outcome->outputs);
    if (task.outcome->executionCount)
        json["execution_count"] = *task.outcome->executionCount;
    return json;
}

Json toJson(const ImportReport &report)
{
    Json skipped = Json::array();
    for (const SkippedTask &task : report.skipped)
        skipped.push_back({{"task_id", task.key}, {"why", task.why}});
    return {{"imported", report.imported},
            {"pending", report.pending.size()},
            {"present", report.present},
            {"skipped", std::move(skipped)}};
}

Result<ImportedTask> importedTaskOf(const Json &json)
{
    ImportedTask task;
    task.draft.key = textOf(json, "task_id");
    task.draft.notebookPath = textOf(json, "notebook_path");
    task.draft.cellIndex = static_cast<int>(findInt(json, "cell_index").value_or(-1));
    task.draft.code = textOf(json, "code");
    task.draft.retries = static_cast<int>(findInt(json, "retries").value_or(0));
    const auto created = timeOf(json, "created_ms");
    const auto state = parseTaskState(textOf(json, "status"));
    if (task.draft.key.isEmpty() || !created || !state || state == TaskState::Running)
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("a task needs task_id, created_ms and a status that is not "
                                   "running"));
    task.createdAt = *created;
    task.startedAt = timeOf(json, "started_ms");
    if (state == TaskState::Pending)
        return task;
    TaskOutcome outcome;
    outcome.state = *state;
    outcome.finishedAt = timeOf(json, "completed_ms").value_or(task.createdAt);
    outcome.error = textOf(json, "error_message");
    outcome.executionCount = findInt(json, "execution_count");
    const QByteArray outputs = textOf(json, "outputs_json").toUtf8();
    const auto parsed = parseJson(outputs.isEmpty() ? QByteArrayLiteral("[]") : outputs);
    if (!parsed || !parsed->is_array())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("outputs_json of task %1 should be the text of a JSON array")
                        .arg(task.draft.key));
    if (!outputs.isEmpty())
        outcome.outputs = outputs;
    task.outcome = outcome;
    return task;
}

}  // namespace celldeck::storage
