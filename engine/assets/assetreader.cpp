#include "assets/assetreader.h"

#include <QFile>
#include <QRegularExpression>

#include "assets/assetfolder.h"

namespace celldeck::assets {

namespace {

// UTF-8 takes four bytes for a character at most.
constexpr qint64 MaxLineBytes = MaxLineCharacters * 4;

Result<> openInto(QFile &file, const QString &path)
{
    const auto fd = openFile(path);
    if (!fd)
        return fail(fd.error());
    if (file.open(*fd, QIODevice::ReadOnly, QFileDevice::AutoCloseHandle))
        return {};
    return fail(ErrorCode::Io,
                QStringLiteral("the asset %1 cannot be read: %2").arg(path, file.errorString()));
}

/// One line of any length, of which no more than MaxLineBytes are kept.
QByteArray takeLine(QFile &file)
{
    QByteArray line = file.readLine(MaxLineBytes + 1);
    for (QByteArray rest = line; !rest.isEmpty() && !rest.endsWith('\n');)
        rest = file.readLine(MaxLineBytes + 1);
    return line;
}

QString textOf(QByteArray line)
{
    while (line.endsWith('\n') || line.endsWith('\r'))
        line.chop(1);
    QString text = QString::fromUtf8(line);
    if (text.size() > MaxLineCharacters)
        text = text.left(MaxLineCharacters) + QStringLiteral("…");
    return text;
}

}  // namespace

Result<LineAnswer> readLines(const LineRequest &request)
{
    const QRegularExpression search(request.search);
    if (!search.isValid())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("search is \"%1\": it should be a regular expression (%2)")
                        .arg(request.search, search.errorString()));
    QFile file;
    if (const Result<> opened = openInto(file, request.path); !opened)
        return fail(opened.error());
    LineAnswer answer;
    qsizetype characters = 0;
    for (;;) {
        const QByteArray line = takeLine(file);
        if (line.isEmpty())
            break;
        ++answer.totalLines;
        if (answer.more || answer.totalLines < request.first ||
            (request.last && answer.totalLines > *request.last))
            continue;
        const QString text = textOf(line);
        if (!request.search.isEmpty() && !search.match(text).hasMatch())
            continue;
        if (answer.lines.size() >= request.maxLines ||
            (characters > 0 && characters + text.size() > MaxAnswerCharacters)) {
            answer.more = true;
            continue;
        }
        characters += text.size();
        answer.lines << Line{answer.totalLines, text};
    }
    if (file.error() != QFileDevice::NoError)
        return fail(ErrorCode::Io, QStringLiteral("the asset %1 cannot be read: %2")
                                       .arg(request.path, file.errorString()));
    return answer;
}

Result<QByteArray> readWhole(const QString &path, qint64 maxBytes)
{
    QFile file;
    if (const Result<> opened = openInto(file, path); !opened)
        return fail(opened.error());
    if (file.size() > maxBytes)
        return fail(ErrorCode::TooLarge,
                    QStringLiteral("the asset %1 has %2 bytes, and at most %3 are sent at once: "
                                   "read_asset reads a part of a text, peek_asset a small image")
                        .arg(path)
                        .arg(file.size())
                        .arg(maxBytes));
    QByteArray bytes = file.readAll();
    if (file.error() != QFileDevice::NoError)
        return fail(
            ErrorCode::Io,
            QStringLiteral("the asset %1 cannot be read: %2").arg(path, file.errorString()));
    return bytes;
}

}  // namespace celldeck::assets
