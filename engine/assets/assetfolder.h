#pragma once

#include <QStringList>

#include "base/result.h"

/// Files of assets, and the trash beside them. Plain functions; all of them block, and each is one
/// step that has happened whole or not at all, whenever the machine stops.
namespace celldeck::assets {

/// Where a notebook's assets are: `assets/` beside it, or the one folder that an operator has
/// named.
[[nodiscard]] QString folderOf(const QString &notebookPath, const QString &assetsDirectory);

/// A folder that only its owner can look into, made if need be. Fails as `putFile`.
[[nodiscard]] Result<> makePrivateFolder(const QString &folder);
/// Whether files can be put there as it looks; it is not made.
[[nodiscard]] bool canHoldFiles(const QString &folder);
/// Makes the folder and the file, or finds that it has this content already. Fails with Io, and
/// with OutsideWorkspace if a link stands where a folder or the file should be.
[[nodiscard]] Result<> putFile(const QString &path, const QByteArray &content);
/// Opens no link. Fails with NotFound, or with Io for all else.
[[nodiscard]] Result<int> openFile(const QString &path);

struct Presence
{
    bool inPlace = false;
    bool inTrash = false;
    qint64 bytes = 0;
};
[[nodiscard]] Presence presenceOf(const QString &path);

/// The small copy of an image goes for good: it is made again when somebody looks.
[[nodiscard]] Result<> moveToTrash(const QString &path);
/// As long as there is none in its place; else the one in the trash goes.
[[nodiscard]] Result<> restoreFromTrash(const QString &path);
/// On disk when it returns: what is forgotten afterwards does not come back.
[[nodiscard]] Result<> removeFromTrash(const QString &path);

/// Where the files in a folder's trash were.
[[nodiscard]] QStringList pathsInTrash(const QString &folder);

/// Where the small copy of an image is, if it has one: as PNG or as JPEG.
[[nodiscard]] QStringList thumbnailPaths(const QString &path);

}  // namespace celldeck::assets
