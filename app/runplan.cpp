#include "runplan.h"

#include <QDir>
#include <QFileInfo>
#include <QRegularExpression>
#include <QSet>

#include "kernels/kernelspec.h"
#include "notebooks/notebookfile.h"

namespace celldeck::app {

namespace {

QString python(const Json &value)
{
    if (value.is_null())
        return QStringLiteral("None");
    if (value.is_boolean())
        return value.get<bool>() ? QStringLiteral("True") : QStringLiteral("False");
    if (value.is_array()) {
        QStringList parts;
        for (const Json &one : value)
            parts << python(one);
        return QStringLiteral("[%1]").arg(parts.join(QStringLiteral(", ")));
    }
    if (value.is_object()) {
        QStringList parts;
        for (const auto &entry : value.items())
            parts << python(Json(entry.key())) + QStringLiteral(": ") + python(entry.value());
        return QStringLiteral("{%1}").arg(parts.join(QStringLiteral(", ")));
    }
    // A JSON string with ASCII escapes reads the same in Python, but for characters beyond the
    // basic plane: these stand as they are.
    return QString::fromUtf8(toBytes(value));
}

Result<QString> targetOf(const QString &source, const PlanOptions &options)
{
    if (options.output.isEmpty())
        return options.replay ? QString() : source;
    const QFileInfo output(options.output);
    const bool isFolder =
        options.notebooks.size() > 1 || output.isDir() || options.output.endsWith(QLatin1Char('/'));
    if (!isFolder) {
        if (!output.absoluteDir().exists())
            return fail(
                ErrorCode::Io,
                QStringLiteral("--output: there is no folder %1").arg(output.absolutePath()));
        return output.absoluteFilePath();
    }
    return QDir(options.output).absoluteFilePath(QFileInfo(source).fileName());
}

Result<PlannedRun> planOf(const QString &given, const PlanOptions &options)
{
    const auto source = notebooks::canonicalPath(given);
    if (!source)
        return fail(source.error());
    PlannedRun run;
    run.source = *source;
    auto text = notebooks::readNotebookText(*source);
    if (!text)
        return fail(text.error());
    run.text = std::move(*text);
    auto notebook = notebooks::parseNotebook(run.text, *source);
    if (!notebook)
        return fail(notebook.error());
    QStringList assignments;
    for (const QString &parameter : options.parameters) {
        const auto one = assignment(parameter);
        if (!one)
            return fail(one.error());
        assignments << *one;
    }
    if (!assignments.isEmpty()) {
        run.parameters = {assignments.join(QLatin1Char('\n')), QString()};
        auto changed = notebooks::withParameters(run.text, *run.parameters);
        if (!changed)
            return fail(changed.error());
        run.text = std::move(changed->text);
        run.parameters->cellId = changed->cellId;
        notebook = notebooks::parseNotebook(run.text, *source);
        if (!notebook)
            return fail(notebook.error());
    }
    tasks::DraftOptions drafts = options.drafts;
    if (options.kernelName.isEmpty()) {
        const auto kernel = tasks::kernelNameOf(*notebook, *source);
        if (!kernel)
            return fail(kernel.error());
        drafts.kernelName = *kernel;
    } else {
        const auto spec = kernels::findKernelSpec(options.kernelName);
        if (!spec)
            return fail(spec.error());
        drafts.kernelName = spec->name;
    }
    if (options.replay) {
        drafts.kernelName = options.kernelName;
        run.replay = drafts;
    } else {
        run.drafts = tasks::draftsOf(*notebook, *source, drafts);
    }
    const auto target = targetOf(*source, options);
    if (!target)
        return fail(target.error());
    run.target = *target;
    return run;
}

/// After all has been read, so that a notebook that is not fit leaves no folder behind.
Result<> prepareTargets(const QList<PlannedRun> &plan, const PlanOptions &options)
{
    for (const PlannedRun &run : plan) {
        if (run.target.isEmpty())
            continue;
        const QString folder = QFileInfo(run.target).absolutePath();
        if (!options.output.isEmpty() && !QDir().mkpath(folder))
            return fail(ErrorCode::Io,
                        QStringLiteral("--output: the folder %1 cannot be made").arg(folder));
        if (const Result<> writable = notebooks::checkWritable(run.target); !writable)
            return fail(writable.error().code,
                        writable.error().message +
                            (options.output.isEmpty()
                                 ? QStringLiteral("; --output FILE writes it elsewhere")
                                 : QStringLiteral("; choose another --output")));
    }
    return {};
}

}  // namespace

Result<QString> assignment(const QString &parameter)
{
    static const QRegularExpression form(QStringLiteral("^([A-Za-z_][A-Za-z_0-9]*)=(.*)\\z"),
                                         QRegularExpression::DotMatchesEverythingOption);
    const auto match = form.match(parameter);
    if (!match.hasMatch())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("--parameter \"%1\": it should be NAME=VALUE, such as n=3")
                        .arg(parameter));
    const auto value = parseJson(match.captured(2).toUtf8());
    return QStringLiteral("%1 = %2").arg(match.captured(1),
                                         python(value ? *value : Json(match.captured(2))));
}

Result<QList<PlannedRun>> makePlan(const PlanOptions &options)
{
    QList<PlannedRun> plan;
    QSet<QString> sources;
    QHash<QString, QString> targets;
    for (const QString &notebook : options.notebooks) {
        auto run = planOf(notebook, options);
        if (!run)
            return fail(run.error());
        if (sources.contains(run->source))
            return fail(ErrorCode::InvalidArgument,
                        QStringLiteral("%1 is named twice").arg(run->source));
        if (!run->target.isEmpty() && targets.contains(run->target))
            return fail(ErrorCode::InvalidArgument,
                        QStringLiteral("%1 and %2 would both be written to %3")
                            .arg(targets.value(run->target), run->source, run->target));
        sources.insert(run->source);
        targets.insert(run->target, run->source);
        plan << std::move(*run);
    }
    if (const Result<> prepared = prepareTargets(plan, options); !prepared)
        return fail(prepared.error());
    return plan;
}

}  // namespace celldeck::app
