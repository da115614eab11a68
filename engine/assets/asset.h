#pragma once

#include <QByteArray>
#include <QString>

namespace celldeck::assets {

/// A file that holds one output, or a part of one. Its name is its content and its type: so what
/// is made twice is there once, and no name ever means another content.
struct Asset
{
    QString path;
    QString mimeType;
    qint64 bytes = 0;

    bool operator==(const Asset &) const = default;
};

/// Hexadecimal digits of the content's SHA-256 that a name begins with: what notebooks are searched
/// for.
inline constexpr qsizetype StemLength = 32;

/// E.g. "0123456789abcdef0123456789abcdef.png".
[[nodiscard]] QString nameOf(const QByteArray &content, const QString &mimeType);
/// The first StemLength characters of the file's name; "" if that is no name of an asset.
[[nodiscard]] QByteArray stemOf(const QString &path);
/// By the suffix.
[[nodiscard]] QString mimeTypeOf(const QString &path);

/// Kept by its bytes in JSON's base64: an image or a PDF.
[[nodiscard]] bool isBinary(const QString &mimeType);
/// Text that says something to whoever reads a part of it; markup and data do not.
[[nodiscard]] bool isReadable(const QString &mimeType);

}  // namespace celldeck::assets
