#include "tools/services.h"

#include <QDir>
#include <QRegularExpression>

#include "async/background.h"
#include "notebooks/notebookfile.h"

namespace celldeck::tools {

namespace {

Json optionalTime(const std::optional<UtcTime> &time)
{
    return time ? Json(toIso(*time)) : Json(nullptr);
}

QString joined(const Json &text)
{
    if (text.is_string())
        return text.get<QString>();
    QString all;
    if (text.is_array()) {
        for (const Json &line : text)
            all += line.is_string() ? line.get<QString>() : QString();
    }
    return all;
}

QString withoutColours(QString text)
{
    static const QRegularExpression escape(QStringLiteral("\\x1b\\[[0-9;?]*[ -/]*[@-~]"));
    return text.remove(escape);
}

QString textOfOutput(const Json &output)
{
    const QString type = celldeck::textOf(output, "output_type");
    if (type == QLatin1String("stream"))
        return withoutColours(joined(output.value("text", Json())));
    if (type == QLatin1String("error")) {
        QStringList lines;
        if (const Json *traceback = find(output, "traceback"); traceback && traceback->is_array()) {
            for (const Json &line : *traceback)
                lines << withoutColours(joined(line));
        }
        return lines.isEmpty() ? celldeck::textOf(output, "ename") + QStringLiteral(": ") +
                                     celldeck::textOf(output, "evalue")
                               : lines.join(QLatin1Char('\n'));
    }
    const Json *data = find(output, "data");
    if (!data || !data->is_object())
        return {};
    if (const Json *plain = find(*data, "text/plain"))
        return joined(*plain);
    QStringList types;
    for (const auto &entry : data->items())
        types << QString::fromStdString(entry.key());
    return QStringLiteral("[%1]").arg(types.join(QStringLiteral(", ")));
}

}  // namespace

Result<QString> notebookPath(const Services &services, const Json &arguments)
{
    const QString given = celldeck::textOf(arguments, "notebook_path");
    if (given.isEmpty())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("notebook_path is empty: name a notebook, such as "
                                   "\"analysis.ipynb\""));
    const auto path = notebooks::canonicalPath(QDir(services.workspace).absoluteFilePath(given));
    if (!path)
        return path;
    if (!path->startsWith(services.workspace + QLatin1Char('/')) &&
        services.workspace != QLatin1String("/"))
        return fail(
            ErrorCode::OutsideWorkspace,
            QStringLiteral("%1 is outside of the workspace %2").arg(*path, services.workspace));
    return path;
}

Waiter<notebooks::Notebook> loadInBackground(const QString &path)
{
    return inBackground<notebooks::Notebook>([path] { return notebooks::loadNotebook(path); });
}

Json toJson(const storage::TaskRecord &task)
{
    return {{"task_id", nameOf(task)},
            {"status", toText(task.state)},
            {"notebook_path", task.notebookPath},
            {"cell_index", task.cellIndex < 0 ? Json(nullptr) : Json(task.cellIndex)},
            {"execution_count", task.executionCount ? Json(*task.executionCount) : Json(nullptr)},
            {"error", task.error.isEmpty() ? Json(nullptr) : Json(task.error)},
            {"created_at", toIso(task.createdAt)},
            {"started_at", optionalTime(task.startedAt)},
            {"completed_at", optionalTime(task.finishedAt)}};
}

Json taskSchema()
{
    const Json text{{"type", "string"}};
    const Json textOrNull{{"type", Json::array({"string", "null"})}};
    const Json numberOrNull{{"type", Json::array({"integer", "null"})}};
    return {{"task_id", text},
            {"status",
             {{"type", "string"},
              {"enum", Json::array({"pending", "running", "completed", "failed", "cancelled",
                                    "timeout", "interrupted"})}}},
            {"notebook_path", text},
            {"cell_index", numberOrNull},
            {"execution_count", numberOrNull},
            {"error", textOrNull},
            {"created_at", text},
            {"started_at", textOrNull},
            {"completed_at", textOrNull}};
}

QString textOf(const Json &outputs)
{
    QStringList parts;
    if (outputs.is_array()) {
        for (const Json &output : outputs)
            parts << textOfOutput(output);
    }
    return parts.join(QLatin1Char('\n'));
}

}  // namespace celldeck::tools
