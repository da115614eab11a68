#include "assets/assetfolder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <cerrno>
#include <cstring>

#include "assets/asset.h"
#include "notebooks/notebookfile.h"

namespace celldeck::assets {

namespace {

using Status = struct stat;

std::unexpected<Error> ioError(const QString &path, const char *doing, int reason)
{
    return fail(ErrorCode::Io, QStringLiteral("the asset %1 cannot be kept in order (%2: %3)")
                                   .arg(path, QLatin1String(doing),
                                        QString::fromLocal8Bit(std::strerror(reason))));
}

QString trashOf(const QString &path)
{
    return QFileInfo(path).absolutePath() + QStringLiteral("/.trash");
}

QString inTrash(const QString &path)
{
    return trashOf(path) + QLatin1Char('/') + QFileInfo(path).fileName();
}

/// A folder of that name and no link to one, made if need be.
Result<> makeFolder(const QString &folder)
{
    if (!QDir().mkpath(folder))
        return fail(ErrorCode::Io, QStringLiteral("the folder %1 cannot be made: give yourself the "
                                                  "right to write there, or choose another place "
                                                  "for assets with --assets-dir")
                                       .arg(folder));
    const QFileInfo info(folder);
    if (info.isSymLink() || !info.isDir())
        return fail(ErrorCode::OutsideWorkspace,
                    QStringLiteral("%1 is no folder but a link: nothing is written through it")
                        .arg(folder));
    return {};
}

Result<> renameFile(const QString &from, const QString &to)
{
    if (::rename(QFile::encodeName(from).constData(), QFile::encodeName(to).constData()) == 0 ||
        errno == ENOENT)
        return {};
    return ioError(from, "rename", errno);
}

Result<> unlinkFile(const QString &path)
{
    if (::unlink(QFile::encodeName(path).constData()) == 0 || errno == ENOENT)
        return {};
    return ioError(path, "unlink", errno);
}

bool isFile(const QString &path, qint64 *bytes)
{
    Status status = {};
    if (::lstat(QFile::encodeName(path).constData(), &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    *bytes = status.st_size;
    return true;
}

}  // namespace

QString folderOf(const QString &notebookPath, const QString &assetsDirectory)
{
    return assetsDirectory.isEmpty()
               ? QFileInfo(notebookPath).absolutePath() + QStringLiteral("/assets")
               : assetsDirectory;
}

Result<> makePrivateFolder(const QString &folder)
{
    if (const Result<> made = makeFolder(folder); !made)
        return made;
    if (::chmod(QFile::encodeName(folder).constData(), S_IRWXU) == 0 &&
        QFileInfo(folder).isWritable())
        return {};
    return ioError(folder, "chmod", errno);
}

bool canHoldFiles(const QString &folder)
{
    QFileInfo info(folder);
    if (info.isSymLink())
        return false;
    while (!info.exists() && !info.isRoot())
        info = QFileInfo(info.absolutePath());
    return info.isDir() && info.isWritable();
}

Result<> putFile(const QString &path, const QByteArray &content)
{
    if (const Result<> made = makeFolder(QFileInfo(path).absolutePath()); !made)
        return made;
    qint64 bytes = 0;
    if (isFile(path, &bytes) && bytes == content.size()) {
        QFile file(path);
        if (file.open(QIODevice::ReadOnly) && file.readAll() == content)
            return {};
    }
    if (QFileInfo(path).isSymLink())
        return fail(ErrorCode::OutsideWorkspace,
                    path + QStringLiteral(" is a link: nothing is written through it"));
    return notebooks::writeAtomically(path, content);
}

Result<int> openFile(const QString &path)
{
    const int fd =
        ::open(QFile::encodeName(path).constData(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    Status status = {};
    if (fd >= 0 && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
        return fd;
    const int reason = fd >= 0 ? EINVAL : errno;
    if (fd >= 0)
        ::close(fd);
    if (reason == ENOENT)
        return fail(ErrorCode::NotFound,
                    QStringLiteral("the file of the asset %1 is gone: the cell that runs again "
                                   "makes it anew")
                        .arg(path));
    return ioError(path, "open", reason);
}

Presence presenceOf(const QString &path)
{
    Presence found;
    found.inPlace = isFile(path, &found.bytes);
    qint64 trashed = 0;
    found.inTrash = isFile(inTrash(path), &trashed);
    if (!found.inPlace)
        found.bytes = trashed;
    return found;
}

Result<> moveToTrash(const QString &path)
{
    if (const Result<> made = makeFolder(trashOf(path)); !made)
        return made;
    for (const QString &thumbnail : thumbnailPaths(path)) {
        if (const Result<> gone = unlinkFile(thumbnail); !gone)
            return gone;
    }
    return renameFile(path, inTrash(path));
}

Result<> restoreFromTrash(const QString &path)
{
    qint64 bytes = 0;
    return isFile(path, &bytes) ? unlinkFile(inTrash(path)) : renameFile(inTrash(path), path);
}

Result<> removeFromTrash(const QString &path)
{
    if (const Result<> gone = unlinkFile(inTrash(path)); !gone)
        return gone;
    const QByteArray folder = QFile::encodeName(trashOf(path));
    const int fd = ::open(folder.constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? Result<>() : ioError(path, "open its trash", errno);
    const int reason = ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
    ::close(fd);
    if (reason != 0)
        return ioError(path, "fsync its trash", reason);
    // Only if it is empty: else this fails, as it should.
    ::rmdir(folder.constData());
    return {};
}

QStringList pathsInTrash(const QString &folder)
{
    QStringList paths;
    const QStringList names = QDir(folder + QStringLiteral("/.trash"))
                                  .entryList(QDir::Files | QDir::Hidden | QDir::NoSymLinks);
    for (const QString &name : names)
        paths << QDir::cleanPath(folder) + QLatin1Char('/') + name;
    return paths;
}

QStringList thumbnailPaths(const QString &path)
{
    const QString stem = QFileInfo(path).absolutePath() + QLatin1Char('/') +
                         QString::fromLatin1(stemOf(path)) + QStringLiteral("-small.");
    return {stem + QStringLiteral("png"), stem + QStringLiteral("jpg")};
}

}  // namespace celldeck::assets
