#include "kernels/framefile.h"

#include <unistd.h>

#include <QLoggingCategory>
#include <cerrno>
#include <cstring>

Q_LOGGING_CATEGORY(lcFrameFile, "celldeck.kernels.framefile", QtInfoMsg)

namespace celldeck::kernels {

namespace {

// What a worker thread has once asked for in one go, the allocator would keep for it.
constexpr qsizetype PieceBytes = 64 * 1024;

void warn(const QString &why)
{
    qCWarning(lcFrameFile, "what a kernel prints faster than it is read stays in memory: %s",
              qUtf8Printable(why));
}

// Packed, a message is the number of its frames, and of each frame its length and its bytes.

class Unpacker
{
public:
    explicit Unpacker(const QByteArray &block) : m_block(block) {}

    [[nodiscard]] bool atEnd() const { return m_at == m_block.size(); }
    Frames next()
    {
        Frames frames(number());
        for (QByteArray &frame : frames) {
            const auto size = qsizetype(number());
            frame = m_block.mid(m_at, size);
            m_at += size;
        }
        return frames;
    }

private:
    quint64 number()
    {
        quint64 number = 0;
        std::memcpy(&number, m_block.constData() + m_at, sizeof number);
        m_at += sizeof number;
        return number;
    }

    const QByteArray &m_block;
    qsizetype m_at = 0;
};

}  // namespace

class FrameFile::Packer
{
public:
    Packer(FrameFile &file, qint64 offset) : m_file(file), m_offset(offset)
    {
        m_piece.reserve(PieceBytes);
    }

    [[nodiscard]] bool put(quint64 number)
    {
        return put(QByteArrayView(reinterpret_cast<const char *>(&number), sizeof number));
    }
    [[nodiscard]] bool put(QByteArrayView bytes)
    {
        if (m_piece.size() + bytes.size() > PieceBytes && !flush())
            return false;
        if (bytes.size() > PieceBytes)
            return write(bytes);
        m_piece.append(bytes);
        return true;
    }
    [[nodiscard]] bool flush()
    {
        const bool isWritten = write(m_piece);
        m_piece.resize(0);
        return isWritten;
    }

private:
    bool write(QByteArrayView bytes)
    {
        m_offset += bytes.size();
        return m_file.writeBytes(bytes, m_offset - bytes.size());
    }

    FrameFile &m_file;
    qint64 m_offset;
    QByteArray m_piece;
};

std::shared_ptr<FrameFile> FrameFile::open(const QString &folder)
{
    auto file = std::make_shared<FrameFile>();
    file->m_file.setFileTemplate(folder + QStringLiteral("/backlog-XXXXXX"));
    if (file->m_file.open())
        return file;
    warn(file->m_file.errorString());
    return nullptr;
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

bool FrameFile::write(const std::deque<Frames> &messages, qint64 offset)
{
    Packer packer(*this, offset);
    for (const Frames &frames : messages) {
        if (!packer.put(frames.size()))
            return false;
        for (const QByteArray &frame : frames) {
            if (!packer.put(quint64(frame.size())) || !packer.put(frame))
                return false;
        }
    }
    return packer.flush();
}

bool FrameFile::writeBytes(QByteArrayView bytes, qint64 offset)
{
    for (qsizetype done = 0; done < bytes.size();) {
        const auto written = ::pwrite(m_file.handle(), bytes.data() + done,
                                      size_t(bytes.size() - done), off_t(offset + done));
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            if (!m_isRefused.exchange(true))
                warn(QString::fromLocal8Bit(std::strerror(errno)));
            return false;
        }
        done += written;
    }
    return true;
}

std::deque<Frames> FrameFile::read(qint64 bytes, qint64 offset) const
{
    QByteArray block(bytes, Qt::Uninitialized);
    for (qsizetype done = 0; done < bytes;) {
        const auto got = ::pread(m_file.handle(), block.data() + done, size_t(bytes - done),
                                 off_t(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            qCCritical(lcFrameFile, "%lld bytes of what a kernel said are lost: %s",
                       static_cast<long long>(bytes), std::strerror(errno));
            return {};
        }
        done += got;
    }
    std::deque<Frames> messages;
    for (Unpacker unpacker(block); !unpacker.atEnd();)
        messages.push_back(unpacker.next());
    return messages;
}

}  // namespace celldeck::kernels
