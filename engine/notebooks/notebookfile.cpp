#include "notebooks/notebookfile.h"

#include <QFileInfo>

#include "notebooks/fileversion.h"
#include "notebooks/notebookreader.h"

namespace celldeck::notebooks {

namespace {

// Somebody who saves again and again within milliseconds is no person.
constexpr int WriteAttempts = 5;

bool isSameFile(const QString &a, const QString &b)
{
    return a == b || QFileInfo(a).canonicalFilePath() == QFileInfo(b).canonicalFilePath();
}

}  // namespace

Result<QString> canonicalPath(const QString &path)
{
    const QFileInfo info(path);
    // Where a path cannot be looked up, Qt's canonical one is the path itself.
    QString canonical = info.exists() ? info.canonicalFilePath() : QString();
    if (path.isEmpty() || canonical.isEmpty())
        return notThere(path);
    return canonical;
}

Result<QByteArray> readNotebookText(const QString &path)
{
    auto read = readVersioned(path, MaxNotebookBytes);
    if (!read)
        return fail(read.error());
    return std::move(read->text);
}

Result<Notebook> loadNotebook(const QString &path)
{
    const auto text = readNotebookText(path);
    if (!text)
        return fail(text.error());
    return parseNotebook(*text, path);
}

Result<QList<int>> writeResults(const QString &source, const QString &target,
                                const QList<CellResult> &results,
                                const std::optional<Json> &widgets,
                                const std::optional<Parameters> &parameters)
{
    const bool inPlace = isSameFile(source, target);
    for (int attempt = 1;; ++attempt) {
        const auto before = readVersioned(source, MaxNotebookBytes);
        if (!before)
            return fail(before.error());
        QByteArray text = before->text;
        if (parameters) {
            auto with = withParameters(text, *parameters);
            if (!with)
                return fail(with.error());
            text = std::move(with->text);
        }
        const auto merge = mergeResults(text, results, widgets, source);
        if (!merge)
            return fail(merge.error());
        if (inPlace && merge->text == before->text)
            return merge->missed;
        const Result<> written = inPlace ? writeOver(target, merge->text, before->version)
                                         : writeAtomically(target, merge->text);
        if (written)
            return merge->missed;
        // Somebody saved the notebook meanwhile: merge into what they saved.
        if (written.error().code != ErrorCode::Conflict || attempt == WriteAttempts)
            return fail(written.error());
    }
}

}  // namespace celldeck::notebooks
