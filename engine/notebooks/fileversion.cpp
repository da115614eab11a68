#include "notebooks/fileversion.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <QFile>
#include <QFileInfo>
#include <QRandomGenerator>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/crashpoint.h"
#include "notebooks/notebookfile.h"

namespace celldeck::notebooks {

namespace {

using Status = struct stat;

constexpr qint64 PieceBytes = 64 * 1024;

std::unexpected<Error> ioError(const QString &path, const char *doing, int reason)
{
    return fail(ErrorCode::Io, QStringLiteral("%1 cannot be written (%2: %3): nothing was changed")
                                   .arg(path, QLatin1String(doing),
                                        QString::fromLocal8Bit(std::strerror(reason))));
}

qint64 nanoseconds(const timespec &time)
{
    return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

FileVersion versionOf(const Status &status)
{
    return {.device = status.st_dev,
            .inode = status.st_ino,
            .bytes = status.st_size,
            .modifiedNs = nanoseconds(status.st_mtim),
            .changedNs = nanoseconds(status.st_ctim)};
}

/// The temporary file beside the target. Gone with this object, unless it took the target's place.
class TemporaryFile
{
public:
    TemporaryFile(const QByteArray &folder, mode_t mode)
        : m_path(folder + "/.celldeck-" +
                 QByteArray::number(QRandomGenerator::system()->generate64(), 16)),
          m_fd(::open(m_path.constData(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode))
    {}
    ~TemporaryFile()
    {
        if (m_fd < 0)
            return;
        ::close(m_fd);
        if (!m_path.isEmpty())
            ::unlink(m_path.constData());
    }
    TemporaryFile(const TemporaryFile &) = delete;
    TemporaryFile &operator=(const TemporaryFile &) = delete;

    [[nodiscard]] int fd() const { return m_fd; }

    [[nodiscard]] bool renameTo(const QByteArray &target)
    {
        if (::rename(m_path.constData(), target.constData()) != 0)
            return false;
        m_path.clear();
        return true;
    }

private:
    QByteArray m_path;
    int m_fd;
};

Result<> fill(int fd, const QString &path, const QByteArray &bytes)
{
    qsizetype done = 0;
    while (done < bytes.size()) {
        const ssize_t now =
            ::write(fd, bytes.constData() + done, static_cast<size_t>(bytes.size() - done));
        if (now < 0 && errno == EINTR)
            continue;
        if (now < 0)
            return ioError(path, "write", errno);
        done += now;
    }
    return {};
}

/// A link stays a link, even one to a file that is not there yet: what is behind it is written.
QString behindLinks(const QString &path)
{
    QFileInfo info(path);
    for (int i = 0; !info.exists() && info.isSymLink() && i < 40; ++i)
        info.setFile(info.symLinkTarget());
    return info.exists() ? info.canonicalFilePath() : info.absoluteFilePath();
}

/// Gives the new file the owner and the rights of the old one.
Result<> takeRights(int fd, const Status &old, const QString &path)
{
    Status now = {};
    // Only root may give a file away; for anybody else the file that they write is theirs.
    if (::fstat(fd, &now) == 0 && (now.st_uid != old.st_uid || now.st_gid != old.st_gid) &&
        ::fchown(fd, old.st_uid, old.st_gid) != 0 && errno != EPERM)
        return ioError(path, "chown", errno);
    if (::fchmod(fd, old.st_mode & 07777) != 0)
        return ioError(path, "chmod", errno);
    return {};
}

Result<> syncFolder(const QByteArray &folder, const QString &path)
{
    const int fd = ::open(folder.constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int reason = fd < 0 || ::fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        ::close(fd);
    // Some network file systems cannot sync a folder (EINVAL); a folder may be writable and not
    // readable (EACCES). The file is complete in either case.
    if (reason == 0 || reason == EINVAL || reason == EACCES)
        return {};
    return fail(ErrorCode::Io,
                QStringLiteral("%1 is written, but may be the old one again after a power cut "
                               "(fsync of its folder: %2)")
                    .arg(path, QString::fromLocal8Bit(std::strerror(reason))));
}

/// rename() asks for rights on the folder only, and would exchange a write-protected file.
Result<> checkRights(const QString &target)
{
    const QByteArray name = QFile::encodeName(target);
    Status there = {};
    if (::stat(name.constData(), &there) != 0)
        return {};
    if (S_ISDIR(there.st_mode))
        return ioError(target, "open", EISDIR);
    if (::faccessat(AT_FDCWD, name.constData(), W_OK, AT_EACCESS) != 0)
        return ioError(target, "open", errno);
    return {};
}

Result<> exchange(const QString &path, const QByteArray &bytes, const FileVersion *expected)
{
    const QString target = behindLinks(path);
    const QByteArray targetName = QFile::encodeName(target);
    const QByteArray folder = QFile::encodeName(QFileInfo(target).absolutePath());
    Status old = {};
    const bool there = ::stat(targetName.constData(), &old) == 0;
    if (const Result<> allowed = checkRights(target); !allowed)
        return allowed;

    // A private notebook is not readable to others for the time of writing.
    TemporaryFile file(folder, there ? 0600 : 0666);
    if (file.fd() < 0)
        return ioError(target, "create a file beside it", errno);
    if (const Result<> filled = fill(file.fd(), target, bytes); !filled)
        return filled;
    crashPoint("notebook.temporary_written");
    if (there) {
        if (const Result<> taken = takeRights(file.fd(), old, target); !taken)
            return taken;
    }
    if (::fsync(file.fd()) != 0)
        return ioError(target, "fsync", errno);
    if (expected) {
        Status now = {};
        if (::stat(targetName.constData(), &now) != 0 || versionOf(now) != *expected)
            return fail(ErrorCode::Conflict,
                        target + QStringLiteral(" was changed by another program meanwhile"));
    }
    crashPoint("notebook.before_rename");
    if (!file.renameTo(targetName))
        return ioError(target, "rename", errno);
    crashPoint("notebook.renamed");
    return syncFolder(folder, target);
}

}  // namespace

std::unexpected<Error> notThere(const QString &path)
{
    const QString absolute = QFileInfo(path).absoluteFilePath();
    Status status = {};
    const int failure = ::stat(QFile::encodeName(path).constData(), &status) == 0 ? ENOENT : errno;
    if (failure == ENOENT || failure == ENOTDIR)
        return fail(ErrorCode::NotFound,
                    QStringLiteral("there is no file %1: check the path").arg(absolute));
    return fail(ErrorCode::Io, QStringLiteral("%1 cannot be looked up (%2): check the path, and "
                                              "the rights of its folders")
                                   .arg(absolute, QString::fromLocal8Bit(std::strerror(failure))));
}

Result<VersionedText> readVersioned(const QString &path, qint64 maxBytes)
{
    const QFileInfo info(path);
    if (!info.exists())
        return notThere(path);
    if (!info.isFile())
        return fail(ErrorCode::Io, path + QStringLiteral(" is a folder or a device, no notebook: "
                                                         "give the path of an .ipynb file"));
    QFile file(path);
    Status status = {};
    if (!file.open(QIODevice::ReadOnly) || ::fstat(file.handle(), &status) != 0)
        return fail(ErrorCode::Io, QStringLiteral("%1 cannot be read: %2; check its permissions")
                                       .arg(path, file.errorString()));
    const auto tooLarge = [&path, maxBytes](qint64 bytes) {
        return fail(
            ErrorCode::TooLarge,
            path + QStringLiteral(" has %1 bytes, and at most %2 are read: clear its outputs")
                       .arg(bytes)
                       .arg(maxBytes));
    };
    if (status.st_size > maxBytes)
        return tooLarge(status.st_size);
    // All of it, and what is added while it is read: that is bounded. Not `maxBytes` at once, for
    // which Qt would take so much memory each time.
    QByteArray text;
    for (qint64 left = status.st_size; text.size() <= maxBytes; left = 0) {
        const QByteArray piece = file.read(left + PieceBytes);
        if (piece.isEmpty())
            break;
        text += piece;
    }
    if (file.error() != QFileDevice::NoError)
        return fail(ErrorCode::Io,
                    QStringLiteral("%1 cannot be read: %2").arg(path, file.errorString()));
    if (text.size() > maxBytes)
        return tooLarge(text.size());
    return VersionedText{std::move(text), versionOf(status)};
}

Result<> writeOver(const QString &path, const QByteArray &bytes, const FileVersion &expected)
{
    return exchange(path, bytes, &expected);
}

Result<> checkWritable(const QString &path)
{
    const QString target = behindLinks(path);
    if (const Result<> allowed = checkRights(target); !allowed)
        return allowed;
    const QByteArray folder = QFile::encodeName(QFileInfo(target).absolutePath());
    if (::faccessat(AT_FDCWD, folder.constData(), W_OK | X_OK, AT_EACCESS) != 0)
        return ioError(target, "create a file beside it", errno);
    return {};
}

Result<> writeAtomically(const QString &path, const QByteArray &bytes)
{
    return exchange(path, bytes, nullptr);
}

}  // namespace celldeck::notebooks
