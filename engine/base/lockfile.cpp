#include "base/lockfile.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <QFile>
#include <cerrno>

namespace celldeck {

namespace {

/// Whether the path still names the open file: its owner may have removed it meanwhile.
bool isStill(const QByteArray &path, int fd)
{
    struct stat here = {};
    struct stat there = {};
    return ::fstat(fd, &here) == 0 && ::stat(path.constData(), &there) == 0 &&
           here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

}  // namespace

Result<> LockFile::lock()
{
    return take(LOCK_EX | LOCK_NB);
}

Result<> LockFile::waitAndLock()
{
    return take(LOCK_EX);
}

Result<> LockFile::take(int flags)
{
    if (m_fd >= 0)
        return {};
    const QByteArray path = QFile::encodeName(m_path);
    for (;;) {
        const int fd = ::open(path.constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        const bool locked = fd >= 0 && ::flock(fd, flags) == 0;
        const int reason = errno;
        if (locked && isStill(path, fd)) {
            const QByteArray pid = QByteArray::number(qint64(::getpid())) + '\n';
            // Only for words: the lock holds without it.
            if (::ftruncate(fd, 0) != 0 || ::write(fd, pid.constData(), size_t(pid.size())) < 0)
                qWarning("%s: its owner is not recorded", path.constData());
            m_fd = fd;
            return {};
        }
        if (fd >= 0)
            ::close(fd);
        if (locked || (fd >= 0 && reason == EINTR))
            continue;
        return fail(reason == EWOULDBLOCK ? ErrorCode::Conflict : ErrorCode::Io,
                    QStringLiteral("%1 cannot be locked: %2").arg(m_path, qt_error_string(reason)));
    }
}

void LockFile::unlock()
{
    if (m_fd < 0)
        return;
    // While it is still locked: nobody else's can be hit.
    ::unlink(QFile::encodeName(m_path).constData());
    ::close(m_fd);
    m_fd = -1;
}

std::optional<qint64> LockFile::owner() const
{
    QFile file(m_path);
    if (!file.open(QIODevice::ReadOnly))
        return std::nullopt;
    bool isPid = false;
    const qint64 pid = file.readLine(32).trimmed().toLongLong(&isPid);
    return isPid ? std::optional(pid) : std::nullopt;
}

}  // namespace celldeck
