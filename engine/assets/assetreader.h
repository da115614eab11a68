#pragma once

#include <QList>
#include <QString>
#include <optional>

#include "base/result.h"

namespace celldeck::assets {

struct LineRequest
{
    QString path;
    qint64 first = 1;            ///< counted from 1
    std::optional<qint64> last;  ///< none: to the end
    QString search;              ///< A regular expression; "": every line
    int maxLines = 200;
};

struct Line
{
    qint64 number = 0;
    QString text;  ///< As it is read, without its end and colours; cut behind MaxLineCharacters

    bool operator==(const Line &) const = default;
};

struct LineAnswer
{
    QList<Line> lines;
    qint64 totalLines = 0;  ///< of the file
    bool more = false;      ///< Further lines were asked for, and there was no room for them.
};

/// What one answer holds at most, whatever its lines' number.
inline constexpr qsizetype MaxAnswerCharacters = 100'000;
inline constexpr qsizetype MaxLineCharacters = 10'000;

/// Some lines of a text, in one pass with bounded memory. Fails with InvalidArgument (no regular
/// expression), NotFound or Io. Blocks.
[[nodiscard]] Result<LineAnswer> readLines(const LineRequest &request);

/// The whole file. Fails with TooLarge, NotFound or Io. Blocks.
[[nodiscard]] Result<QByteArray> readWhole(const QString &path, qint64 maxBytes);

}  // namespace celldeck::assets
