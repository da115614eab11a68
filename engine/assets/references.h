#pragma once

#include <QByteArrayView>
#include <QList>
#include <QSet>
#include <QStringList>
#include <functional>

#include "assets/asset.h"
#include "base/result.h"

namespace celldeck::assets {

/// Where to look for the names of assets.
struct SearchPlaces
{
    /// Each with all that is below it, but hidden folders, links and other file systems. (The
    /// checkpoints of Jupyter are looked at.)
    QStringList folders;
    QStringList notebooks;  ///< More files; those that are not there name nothing.
    QStringList texts;      ///< E.g. what a client has not saved yet
};

/// Which of these stems stand anywhere in the files as they are now. Fails with Io, and the name of
/// the file, if one cannot be read: then nobody knows what it names. Blocks.
using Search =
    std::function<Result<QSet<QByteArray>>(const QSet<QByteArray> &stems, const SearchPlaces &)>;
[[nodiscard]] Result<QSet<QByteArray>> namedIn(const QSet<QByteArray> &stems,
                                               const SearchPlaces &places);

/// Finds stems in a text that comes in pieces, wherever it is cut, in one pass.
class StemFinder
{
public:
    explicit StemFinder(const QSet<QByteArray> &stems) : m_stems(stems) {}

    void feed(QByteArrayView piece);
    /// The next text begins.
    void reset() { m_run.clear(); }
    [[nodiscard]] const QSet<QByteArray> &found() const { return m_found; }

private:
    const QSet<QByteArray> &m_stems;
    QSet<QByteArray> m_found;
    QByteArray m_run;  // the last hexadecimal digits, while there is nothing else between them
};

}  // namespace celldeck::assets
