#include "kernels/sentnote.h"

#include <fcntl.h>
#include <unistd.h>
#include <QDir>
#include <QFile>
#include <cerrno>
#include <optional>

#include "kernels/processidentity.h"

namespace celldeck::kernels {

namespace {

// "BOOT MSG_ID" and spaces, always so long: one write changes all of it.
constexpr qsizetype NoteBytes = 256;
const QString Prefix = QStringLiteral("sent-");

QString pathOf(const QString &folder, const QString &session)
{
    return QDir(folder).absoluteFilePath(Prefix + session);
}

/// "SESSION_INCARNATION_NUMBER", see KernelClient.
QString sessionOf(const QByteArray &messageId)
{
    return QString::fromLatin1(messageId).section(QLatin1Char('_'), 0, -3);
}

std::optional<std::uint64_t> numberOf(const QByteArray &messageId)
{
    bool isNumber = false;
    const std::uint64_t number =
        messageId.sliced(messageId.lastIndexOf('_') + 1).toULongLong(&isNumber);
    return isNumber ? std::optional(number) : std::nullopt;
}

/// The number of the last request, 0 for none; nullopt if there is no note to believe.
std::optional<std::uint64_t> lastSent(const QString &path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return std::nullopt;
    const QByteArray note = file.readAll();
    const QByteArray boot = currentBoot().toLatin1() + ' ';
    if (note.size() != NoteBytes || !note.startsWith(boot))
        return std::nullopt;
    const QByteArray messageId = note.sliced(boot.size()).trimmed();
    return messageId.isEmpty() ? std::optional<std::uint64_t>(0) : numberOf(messageId);
}

}  // namespace

SentNote::SentNote(QString folder, const QString &session)
    : m_path(pathOf(folder, session)), m_boot(currentBoot().toLatin1())
{}

SentNote::~SentNote()
{
    if (m_fd < 0)
        return;
    ::close(m_fd);
    QFile::remove(m_path);
}

Result<> SentNote::open()
{
    m_fd = ::open(QFile::encodeName(m_path).constData(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (m_fd < 0)
        return fail(ErrorCode::Io,
                    QStringLiteral("%1 cannot be written: %2").arg(m_path, qt_error_string(errno)));
    return {};
}

Result<> SentNote::begin()
{
    const Result<> opened = open();
    return opened ? write({}) : opened;
}

Result<std::uint64_t> SentNote::takeUp()
{
    const auto last = lastSent(m_path);
    if (!last) {
        // It would deny what an earlier engine has sent under a higher number.
        QFile::remove(m_path);
        return 0;
    }
    const Result<> opened = open();
    return opened ? Result<std::uint64_t>(*last) : fail(opened.error());
}

Result<> SentNote::put(const QByteArray &messageId)
{
    const Result<> written = write(messageId);
    if (written || QFile::remove(m_path) || !QFile::exists(m_path))
        return {};
    return written;
}

Result<> SentNote::write(const QByteArray &messageId)
{
    if (m_fd < 0)
        return {};
    QByteArray note = m_boot + ' ' + messageId;
    note = note.leftJustified(NoteBytes, ' ');
    if (::pwrite(m_fd, note.constData(), size_t(note.size()), 0) == NoteBytes)
        return {};
    return fail(ErrorCode::Io,
                QStringLiteral("%1 cannot be written: %2").arg(m_path, qt_error_string(errno)));
}

std::uint64_t requestNumber(const QByteArray &messageId)
{
    return numberOf(messageId).value_or(0);
}

Sent wasSent(const QString &folder, const QByteArray &messageId)
{
    const auto number = numberOf(messageId);
    const auto last = lastSent(pathOf(folder, sessionOf(messageId)));
    return number && last && *number > *last ? Sent::No : Sent::Perhaps;
}

QStringList sentNotes(const QString &folder)
{
    QStringList sessions =
        QDir(folder).entryList({Prefix + QLatin1Char('*')}, QDir::Files, QDir::Name);
    for (QString &session : sessions)
        session.remove(0, Prefix.size());
    return sessions;
}

void removeSentNote(const QString &folder, const QString &session)
{
    QFile::remove(pathOf(folder, session));
}

}  // namespace celldeck::kernels
