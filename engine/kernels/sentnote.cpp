#include "kernels/sentnote.h"

#include <fcntl.h>
#include <unistd.h>
#include <QDir>
#include <QFile>
#include <cerrno>

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

Result<> SentNote::takeUp()
{
    return open();  // One that was missing is empty now, and an empty one tells nothing.
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
    QByteArray note = m_boot + ' ' + messageId;
    note = note.leftJustified(NoteBytes, ' ');
    if (::pwrite(m_fd, note.constData(), size_t(note.size()), 0) == NoteBytes)
        return {};
    return fail(ErrorCode::Io,
                QStringLiteral("%1 cannot be written: %2").arg(m_path, qt_error_string(errno)));
}

Sent wasSent(const QString &folder, const QByteArray &messageId)
{
    QFile file(pathOf(folder, sessionOf(messageId)));
    if (!file.open(QIODevice::ReadOnly))
        return Sent::Perhaps;
    const QByteArray note = file.readAll();
    const QByteArray boot = currentBoot().toLatin1() + ' ';
    if (note.size() != NoteBytes || !note.startsWith(boot))
        return Sent::Perhaps;
    return note.sliced(boot.size()).trimmed() == messageId ? Sent::Perhaps : Sent::No;
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
