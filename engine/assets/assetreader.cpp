#include "assets/assetreader.h"

#include <QFile>
#include <QRegularExpression>

#include "assets/assetfolder.h"
#include "base/terminaltext.h"

namespace celldeck::assets {

namespace {

constexpr qint64 PieceBytes = 1 << 16;

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

/// One line of any length as it is read: a progress bar that was drawn a million times is what it
/// was at last. No more than MaxLineCharacters are kept. `piece` is its beginning.
QString readLine(QFile &file, QByteArray piece)
{
    TerminalText line(MaxLineCharacters);
    while (!piece.isEmpty()) {
        line.feed({piece.constData(), static_cast<size_t>(piece.size())});
        piece = piece.endsWith('\n') ? QByteArray() : file.readLine(PieceBytes);
    }
    const std::vector<AnsiLine> lines = line.lines();
    const QString text = lines.empty() ? QString() : plainText(lines.front());
    return line.isCut() ? text + QStringLiteral("…") : text;
}

void skipLine(QFile &file, QByteArray piece)
{
    while (!piece.isEmpty() && !piece.endsWith('\n'))
        piece = file.readLine(PieceBytes);
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
        const QByteArray piece = file.readLine(PieceBytes);
        if (piece.isEmpty())
            break;
        ++answer.totalLines;
        if (answer.more || answer.totalLines < request.first ||
            (request.last && answer.totalLines > *request.last)) {
            skipLine(file, piece);
            continue;
        }
        const QString text = readLine(file, piece);
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
