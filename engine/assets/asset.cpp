#include "assets/asset.h"

#include <QFileInfo>
#include <algorithm>

#include "assets/contenthash.h"

namespace celldeck::assets {

namespace {

struct Type
{
    const char *mime;
    const char *suffix;
};

// The first with a suffix is what that suffix means.
constexpr Type Types[] = {
    {"text/plain", "txt"},           {"text/html", "html"},      {"text/markdown", "md"},
    {"text/latex", "tex"},           {"text/csv", "csv"},        {"image/png", "png"},
    {"image/jpeg", "jpg"},           {"image/gif", "gif"},       {"image/webp", "webp"},
    {"image/svg+xml", "svg"},        {"application/pdf", "pdf"}, {"application/json", "json"},
    {"application/javascript", "js"}};

QString suffixOf(const QString &mimeType)
{
    for (const Type &type : Types) {
        if (mimeType == QLatin1String(type.mime))
            return QString::fromLatin1(type.suffix);
    }
    if (mimeType.endsWith(QLatin1String("json")))
        return QStringLiteral("json");
    return isBinary(mimeType) ? QStringLiteral("bin") : QStringLiteral("txt");
}

bool isHexDigit(QChar c)
{
    return (c >= QLatin1Char('0') && c <= QLatin1Char('9')) ||
           (c >= QLatin1Char('a') && c <= QLatin1Char('f'));
}

}  // namespace

QString nameOf(const QByteArray &content, const QString &mimeType)
{
    ContentHash hash;
    hash.add(content);
    return QString::fromLatin1(hash.stem()) + QLatin1Char('.') + suffixOf(mimeType);
}

QByteArray stemOf(const QString &path)
{
    const QString stem = QFileInfo(path).fileName().left(StemLength);
    if (stem.size() < StemLength || !std::ranges::all_of(stem, isHexDigit))
        return {};
    return stem.toLatin1();
}

QString mimeTypeOf(const QString &path)
{
    const QString suffix = QFileInfo(path).suffix();
    for (const Type &type : Types) {
        if (suffix == QLatin1String(type.suffix))
            return QString::fromLatin1(type.mime);
    }
    return QStringLiteral("application/octet-stream");
}

bool isBinary(const QString &mimeType)
{
    return (mimeType.startsWith(QLatin1String("image/")) &&
            !mimeType.endsWith(QLatin1String("+xml"))) ||
           mimeType.startsWith(QLatin1String("audio/")) ||
           mimeType.startsWith(QLatin1String("video/")) ||
           mimeType == QLatin1String("application/pdf") ||
           mimeType == QLatin1String("application/octet-stream");
}

bool isReadable(const QString &mimeType)
{
    return mimeType.startsWith(QLatin1String("text/")) && mimeType != QLatin1String("text/html");
}

}  // namespace celldeck::assets
