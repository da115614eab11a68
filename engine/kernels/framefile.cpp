#include "kernels/framefile.h"

#include <unistd.h>

#include <QDir>
#include <algorithm>
#include <cerrno>
#include <cstring>

namespace celldeck::kernels {

namespace {

const QString Prefix = QStringLiteral("backlog-");

// Small: what a worker thread has once asked for in one go, the allocator would keep for it.
constexpr qsizetype PieceBytes = 64 * 1024;

std::unexpected<Error> ioError(int reason)
{
    return fail(ErrorCode::Io, QString::fromLocal8Bit(std::strerror(reason)));
}

Result<> writeAt(int fd, QByteArrayView bytes, qint64 offset)
{
    for (qsizetype done = 0; done < bytes.size();) {
        const auto written =
            ::pwrite(fd, bytes.data() + done, size_t(bytes.size() - done), off_t(offset + done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return ioError(written < 0 ? errno : EIO);
        done += written;
    }
    return {};
}

Result<> readAt(int fd, char *bytes, qsizetype size, qint64 offset)
{
    for (qsizetype done = 0; done < size;) {
        const auto got = ::pread(fd, bytes + done, size_t(size - done), off_t(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ioError(got < 0 ? errno : EIO);
        done += got;
    }
    return {};
}

// Packed, a message is the number of its frames, and of each frame its length and its bytes.

class Packer
{
public:
    Packer(int fd, qint64 offset) : m_fd(fd), m_offset(offset) { m_piece.reserve(PieceBytes); }

    [[nodiscard]] Result<> put(quint64 number)
    {
        return put(QByteArrayView(reinterpret_cast<const char *>(&number), sizeof number));
    }
    [[nodiscard]] Result<> put(QByteArrayView bytes)
    {
        if (m_piece.size() + bytes.size() > PieceBytes) {
            if (const Result<> written = flush(); !written)
                return written;
        }
        if (bytes.size() > PieceBytes)
            return write(bytes);
        m_piece.append(bytes);
        return {};
    }
    [[nodiscard]] Result<> flush()
    {
        const Result<> written = write(m_piece);
        m_piece.resize(0);
        return written;
    }

private:
    Result<> write(QByteArrayView bytes)
    {
        m_offset += bytes.size();
        return writeAt(m_fd, bytes, m_offset - bytes.size());
    }

    const int m_fd;
    qint64 m_offset;
    QByteArray m_piece;
};

class Unpacker
{
public:
    Unpacker(int fd, qint64 offset, qint64 bytes) : m_fd(fd), m_offset(offset), m_left(bytes) {}

    [[nodiscard]] bool atEnd() const { return m_left == 0 && m_at == m_piece.size(); }
    [[nodiscard]] Result<Frames> next()
    {
        quint64 count = 0;
        if (const Result<> got = get(&count, sizeof count); !got)
            return fail(got.error());
        Frames frames(count);
        for (QByteArray &frame : frames) {
            quint64 size = 0;
            if (const Result<> got = get(&size, sizeof size); !got)
                return fail(got.error());
            frame = QByteArray(qsizetype(size), Qt::Uninitialized);
            if (const Result<> got = get(frame.data(), frame.size()); !got)
                return fail(got.error());
        }
        return frames;
    }

private:
    [[nodiscard]] Result<> get(void *to, qsizetype size)
    {
        char *const bytes = static_cast<char *>(to);
        const qsizetype here = std::min(size, m_piece.size() - m_at);
        std::memcpy(bytes, m_piece.constData() + m_at, size_t(here));
        m_at += here;
        if (here == size)
            return {};
        const qsizetype missing = size - here;
        if (missing > m_left)
            return ioError(EIO);
        if (missing > PieceBytes)
            return take(bytes + here, missing);
        m_piece.resize(std::min<qint64>(PieceBytes, m_left));
        m_at = 0;
        if (const Result<> taken = take(m_piece.data(), m_piece.size()); !taken)
            return taken;
        return get(bytes + here, missing);
    }
    Result<> take(char *to, qsizetype size)
    {
        m_offset += size;
        m_left -= size;
        return readAt(m_fd, to, size, m_offset - size);
    }

    const int m_fd;
    qint64 m_offset;
    qint64 m_left;
    QByteArray m_piece;
    qsizetype m_at = 0;
};

}  // namespace

Result<> FrameFile::open(const QString &folder)
{
    m_file.setFileTemplate(folder + QLatin1Char('/') + Prefix + QStringLiteral("XXXXXX"));
    if (m_file.open())
        return {};
    return fail(ErrorCode::Io, m_file.errorString());
}

qint64 FrameFile::packedBytes(const std::deque<Frames> &messages)
{
    qint64 bytes = 0;
    for (const Frames &frames : messages) {
        bytes += qint64((1 + frames.size()) * sizeof(quint64));
        for (const QByteArray &frame : frames)
            bytes += frame.size();
    }
    return bytes;
}

Result<> FrameFile::write(const std::deque<Frames> &messages, qint64 offset)
{
    Packer packer(m_file.handle(), offset);
    for (const Frames &frames : messages) {
        if (const Result<> put = packer.put(frames.size()); !put)
            return put;
        for (const QByteArray &frame : frames) {
            if (const Result<> put = packer.put(quint64(frame.size())); !put)
                return put;
            if (const Result<> put = packer.put(frame); !put)
                return put;
        }
    }
    return packer.flush();
}

Result<std::deque<Frames>> FrameFile::read(qint64 bytes, qint64 offset) const
{
    std::deque<Frames> messages;
    for (Unpacker unpacker(m_file.handle(), offset, bytes); !unpacker.atEnd();) {
        auto frames = unpacker.next();
        if (!frames)
            return fail(frames.error());
        messages.push_back(std::move(*frames));
    }
    return messages;
}

void removeLeftFrameFiles(const QString &folder)
{
    for (const QFileInfo &file :
         QDir(folder).entryInfoList({Prefix + QLatin1Char('*')}, QDir::Files | QDir::Hidden))
        QFile::remove(file.absoluteFilePath());
}

}  // namespace celldeck::kernels
