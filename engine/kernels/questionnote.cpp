#include "kernels/questionnote.h"

#include <QDir>
#include <QFile>
#include <cstdio>
#include <utility>

namespace celldeck::kernels {

namespace {

const QString Prefix = QStringLiteral("question-");
const QString New = QStringLiteral(".new");  // no session's name has a dot

QString pathOf(const QString &folder, const QString &session)
{
    return QDir(folder).absoluteFilePath(Prefix + session);
}

void removeBoth(const QString &path)
{
    QFile::remove(path + New);
    QFile::remove(path);
}

}  // namespace

QuestionNote::QuestionNote(const QString &folder, const QString &session)
    : m_path(pathOf(folder, session))
{}

QuestionNote::~QuestionNote()
{
    remove();
}

Result<> QuestionNote::put(const QByteArray &messageId, const InputRequest &request)
{
    const Json note = {{"message_id", messageId.toStdString()},
                       {"prompt", request.prompt},
                       {"password", request.isPassword},
                       {"header", request.header.json()}};
    m_mayExist = true;
    // Whole or not at all, for whoever reads it after a crash.
    QFile file(m_path + New);
    const QByteArray bytes = toBytes(note);
    const bool written = file.open(QIODevice::WriteOnly | QIODevice::Truncate) &&
                         file.setPermissions(QFile::ReadOwner | QFile::WriteOwner) &&
                         file.write(bytes) == bytes.size() && file.flush();
    file.close();
    const bool placed = written && std::rename(QFile::encodeName(file.fileName()).constData(),
                                               QFile::encodeName(m_path).constData()) == 0;
    if (placed)
        return {};
    const QString reason = written ? qt_error_string(errno) : file.errorString();
    remove();  // An earlier one of this cell is no longer what it asks.
    return fail(ErrorCode::Io, QStringLiteral("%1 cannot be written: %2").arg(m_path, reason));
}

std::optional<InputRequest> QuestionNote::find(const QByteArray &messageId) const
{
    QFile file(m_path);
    if (!file.open(QIODevice::ReadOnly))
        return std::nullopt;
    const Result<Json> note = parseJson(file.readAll());
    if (!note || textOf(*note, "message_id") != QString::fromLatin1(messageId))
        return std::nullopt;
    const Json *header = celldeck::find(*note, "header");
    return InputRequest{.prompt = textOf(*note, "prompt"),
                        .isPassword = findBool(*note, "password").value_or(false),
                        .header = header && header->is_object() ? Header(*header) : Header()};
}

void QuestionNote::remove()
{
    if (std::exchange(m_mayExist, false))
        removeBoth(m_path);
}

QStringList questionNotes(const QString &folder)
{
    QStringList sessions =
        QDir(folder).entryList({Prefix + QLatin1Char('*')}, QDir::Files, QDir::Name);
    for (QString &session : sessions)
        session = session.sliced(Prefix.size()).section(QLatin1Char('.'), 0, 0);
    return sessions;
}

void removeQuestionNote(const QString &folder, const QString &session)
{
    removeBoth(pathOf(folder, session));
}

}  // namespace celldeck::kernels
