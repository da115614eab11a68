#include "runoutput.h"

#include <unistd.h>
#include <QFile>
#include <QFileInfo>

#include "assets/partials.h"
#include "notebooks/notebookfile.h"

namespace celldeck::app {

namespace {

/// A second name of the same file where that can be, else a copy; whole or not at all.
bool putBeside(const QString &file, const QString &path)
{
    const QString begun = path + QStringLiteral(".new");
    QFile::remove(begun);
    const QByteArray from = QFile::encodeName(file);
    const QByteArray to = QFile::encodeName(begun);
    if (::link(from.constData(), to.constData()) != 0 && !QFile::copy(file, begun))
        return false;
    return ::rename(to.constData(), QFile::encodeName(path).constData()) == 0;
}

/// Where all that there is can be found, "" if nowhere else.
QString placeOf(const assets::LeftOut &left, const PlannedRun &plan, int index)
{
    if (left.path.isEmpty() || !QFileInfo::exists(left.path))
        return {};
    const QFileInfo target(plan.target);
    const QString beside = QStringLiteral("%1/%2-cell%3-%4")
                               .arg(target.absolutePath(), target.completeBaseName())
                               .arg(index)
                               .arg(QFileInfo(left.path).fileName());
    const bool isKept = plan.target == plan.source || !putBeside(left.path, beside);
    return isKept ? left.path : beside;
}

CellNote noteOf(const assets::LeftOut &left, const PlannedRun &plan, int index)
{
    const QString place = placeOf(left, plan, index);
    return {index,
            QStringLiteral("some of its output ") + left.why +
                (place.isEmpty() ? QString() : QStringLiteral("; it is in ") + place),
            left.isLost};
}

}  // namespace

Result<Written> writeNotebook(const PlannedRun &plan, QList<notebooks::CellResult> results,
                              const std::optional<Json> &widgets,
                              const std::optional<Json> &languageInfo)
{
    Written written;
    for (notebooks::CellResult &result : results) {
        assets::WholeOutputs whole = assets::wholeOutputs(result.outputs);
        result.outputs = std::move(whole.json);
        for (const assets::LeftOut &left : std::as_const(whole.leftOut))
            written.notes << noteOf(left, plan, result.index);
    }
    // In place, what a person has changed meanwhile stays: so the file is read again.
    if (plan.source == plan.target) {
        const auto missed =
            notebooks::writeResults(plan.source, plan.target, results, widgets, plan.parameters);
        if (!missed)
            return fail(missed.error());
        written.missed = *missed;
        return written;
    }
    const auto merge = notebooks::mergeResults(plan.text, results, widgets);
    if (!merge)
        return fail(merge.error());
    const auto text = languageInfo ? notebooks::withLanguage(merge->text, *languageInfo)
                                   : Result<QByteArray>(merge->text);
    if (!text)
        return fail(text.error());
    if (const Result<> done = notebooks::writeAtomically(plan.target, *text); !done)
        return fail(done.error());
    written.missed = merge->missed;
    return written;
}

}  // namespace celldeck::app
