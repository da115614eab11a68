#include "storage/sectors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <QByteArray>
#include <QFile>
#include <algorithm>
#include <cerrno>
#include <functional>

namespace celldeck::storage {

namespace {

constexpr qint64 PageBytes = 4'096;
constexpr qint64 AtOnce = 1 << 20;
constexpr int Tries = 3;

ssize_t readAt(int fd, char *to, qint64 bytes, qint64 at)
{
    ssize_t got = 0;
    do {
        got = ::pread64(fd, to, size_t(bytes), at);
    } while (got < 0 && errno == EINTR);
    return got;
}

/// A part that was read, or a page that was refused: its place and its bytes, none if refused.
/// False from it ends the reading.
using Visit = std::function<bool(qint64 at, QByteArrayView bytes)>;

/// Returns false if the file cannot be opened.
bool readAll(const char *path, const Visit &visit)
{
    const int fd = path ? ::open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat about = {};
    if (fd < 0 || ::fstat(fd, &about) != 0)
        return false;
    QByteArray part(AtOnce, Qt::Uninitialized);
    const qint64 size = about.st_size;
    qint64 pagesUntil = 0;  // A part that was refused is read page by page, up to here.
    int tries = 0;
    for (qint64 at = 0; at < size;) {
        const bool inPages = at < pagesUntil;
        const qint64 wanted = std::min(inPages ? PageBytes : AtOnce, size - at);
        const ssize_t got = readAt(fd, part.data(), wanted, at);
        if (got == 0)
            break;
        if (got < 0 && !inPages) {
            pagesUntil = at + wanted;
            continue;
        }
        if (got < 0 && ++tries < Tries)
            continue;
        tries = 0;
        if (!visit(at, got < 0 ? QByteArrayView() : QByteArrayView(part.constData(), got)))
            break;
        at += got < 0 ? wanted : got;
    }
    ::close(fd);
    return true;
}

std::int64_t pagesOf(QByteArrayView bytes)
{
    return (bytes.size() + PageBytes - 1) / PageBytes;
}

void count(ReadablePages &pages, QByteArrayView bytes)
{
    if (bytes.isNull())
        ++pages.refused;
    else
        pages.read += pagesOf(bytes);
}

}  // namespace

ReadablePages readablePages(const QString &file)
{
    ReadablePages pages;
    readAll(QFile::encodeName(file).constData(), [&pages](qint64, QByteArrayView bytes) {
        count(pages, bytes);
        return true;
    });
    return pages;
}

bool isReadable(const char *file)
{
    bool isWhole = true;
    const bool isThere = readAll(file, [&isWhole](qint64, QByteArrayView bytes) {
        isWhole = !bytes.isNull();
        return isWhole;
    });
    return isThere && isWhole;
}

Result<ReadablePages> copyReadable(const QString &from, const QString &to)
{
    QFile copy(to);
    bool isWritten = copy.open(QIODevice::WriteOnly | QIODevice::Truncate);
    ReadablePages pages;
    const QByteArray lost(PageBytes, '\xff');
    const bool isThere =
        readAll(QFile::encodeName(from).constData(), [&](qint64 at, QByteArrayView bytes) {
            count(pages, bytes);
            const QByteArrayView put = bytes.isNull() ? QByteArrayView(lost) : bytes;
            isWritten =
                isWritten && copy.seek(at) && copy.write(put.data(), put.size()) == put.size();
            return isWritten;
        });
    if (isThere && isWritten && copy.flush() && (pages.read > 0 || pages.refused == 0))
        return pages;
    return fail(ErrorCode::StorageUnavailable,
                QStringLiteral("%1 cannot be copied: %2")
                    .arg(from, isWritten ? QStringLiteral("nothing of it can be read")
                                         : copy.errorString()));
}

}  // namespace celldeck::storage
