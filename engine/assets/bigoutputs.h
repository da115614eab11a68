#pragma once

#include <QByteArray>
#include <QList>
#include <QString>

#include "base/json.h"

/// Which parts of nbformat outputs are too big to be shown whole, and what is shown in their place.
/// Pure functions: nothing here touches a file.
///
/// A shown output is as Jupyter has it, but for carriage returns and the like, which are resolved
/// (base/terminaltext.h), and for its big parts: a readable text is a preview of its
/// beginning and end, anything else is left out, and the member `assets` lists what is to be found
/// where: [{of, mime_type, asset, path, bytes, lines}], with `of` the member or the MIME type that
/// the part stood in. The record of a task is shaped so as well where a part is over
/// MaxRecordBytes.
namespace celldeck::assets {

/// CONTRACT.md section 7: inline output text.
inline constexpr qsizetype MaxInlineCharacters = 2'000;
inline constexpr qsizetype MaxInlineLines = 50;
/// Of a cell that shows more, those in the middle are not shown; its record has all.
inline constexpr size_t MaxShownOutputs = 200;
/// Of one part in a task's record; the notebook gets it whole in any case.
inline constexpr qsizetype MaxRecordBytes = 1 << 20;

/// A part of an output that is too big, or no text.
struct BigPart
{
    size_t output = 0;   ///< its place among the outputs
    QString of;          ///< "text", "evalue", "traceback" or the MIME type that it stands under
    QString mimeType;    ///< of the content
    QByteArray content;  ///< decoded
};

/// Without looking closer than that: whether there may be any.
[[nodiscard]] bool hasBigParts(const Json &outputs);
[[nodiscard]] QList<BigPart> bigPartsOf(const Json &outputs);

/// Where a part can be found; without a path it is in no file.
struct PartPlace
{
    QString path;
    QString thumbnail;  ///< path of a small copy, or ""
};

/// What a preview is made of.
struct TextSample
{
    QByteArray head;  ///< the text's beginning and end; each may be all of it
    QByteArray tail;
    qint64 lines = 0;  ///< of the whole
    qint64 characters = 0;
};
/// The text's beginning and end as they are read, and a line between that says how long it is and
/// where: `path` is the file's, or "".
[[nodiscard]] std::string previewOf(const TextSample &text, const QString &path);

/// The outputs as people and agents are shown them; `places` has one for each of `parts`.
[[nodiscard]] Json shown(Json outputs, const QList<BigPart> &parts, const QList<PartPlace> &places);
/// The outputs as they are recorded: only what is over MaxRecordBytes and in a file is cut.
[[nodiscard]] Json recorded(Json outputs, const QList<BigPart> &parts,
                            const QList<PartPlace> &places);
/// Of what is in no file yet, e.g. while the task runs.
[[nodiscard]] Json shownWithoutFiles(const Json &outputs);

/// Shown outputs as text, with a line for each asset.
[[nodiscard]] QString readable(const Json &shown);

}  // namespace celldeck::assets
