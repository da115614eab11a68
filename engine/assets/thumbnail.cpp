#include "assets/thumbnail.h"

#include <QBuffer>
#include <QImage>
#include <QImageReader>
#include <utility>

namespace celldeck::assets {

namespace {

// Four times 8,192 × 8,192 pixels of four bytes: a plot is never so large, a bomb is.
constexpr int MaxImageMegabytes = 1'024;

QByteArray encoded(const QImage &image, const char *format, int quality)
{
    QByteArray bytes;
    QBuffer buffer(&bytes);
    if (!buffer.open(QIODevice::WriteOnly) || !image.save(&buffer, format, quality))
        return {};
    return bytes;
}

/// JPEG knows no transparency.
QImage onWhite(const QImage &image)
{
    if (!image.hasAlphaChannel())
        return image;
    QImage opaque = image.convertToFormat(QImage::Format_ARGB32);
    for (int y = 0; y < opaque.height(); ++y) {
        auto *line = reinterpret_cast<QRgb *>(opaque.scanLine(y));
        for (int x = 0; x < opaque.width(); ++x) {
            const QRgb pixel = line[x];
            const auto mixed = [alpha = qAlpha(pixel)](int value) {
                return (value * alpha + 255 * (255 - alpha)) / 255;
            };
            line[x] = qRgb(mixed(qRed(pixel)), mixed(qGreen(pixel)), mixed(qBlue(pixel)));
        }
    }
    return opaque.convertToFormat(QImage::Format_RGB32);
}

/// PNG keeps lines and letters sharp, JPEG makes photographs small.
std::optional<Picture> fitting(const QImage &image)
{
    if (QByteArray png = encoded(image, "PNG", -1); !png.isEmpty() && png.size() <= MaxModelBytes)
        return Picture{std::move(png), QStringLiteral("image/png")};
    const QImage opaque = onWhite(image);
    for (const int quality : {85, 60, 40}) {
        QByteArray jpeg = encoded(opaque, "JPG", quality);
        if (!jpeg.isEmpty() && jpeg.size() <= MaxModelBytes)
            return Picture{std::move(jpeg), QStringLiteral("image/jpeg")};
    }
    return std::nullopt;
}

}  // namespace

Result<Picture> modelSized(const QByteArray &image, const QString &mimeType)
{
    QByteArray bytes = image;
    QBuffer buffer(&bytes);
    (void)buffer.open(QIODevice::ReadOnly);
    QImageReader reader(&buffer);
    reader.setAutoTransform(true);
    const QSize size = reader.size();
    if (!reader.canRead() || !size.isValid())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("%1 is no image that can be made smaller (%2)")
                        .arg(mimeType, reader.errorString()));
    if (size.width() <= MaxModelPixels && size.height() <= MaxModelPixels &&
        image.size() <= MaxModelBytes)
        return Picture{image, mimeType};
    if (qint64(size.width()) * size.height() * 4 > qint64(MaxImageMegabytes) * 1'024 * 1'024)
        return fail(ErrorCode::TooLarge,
                    QStringLiteral("the image has %1 × %2 pixels: that is too much to make a "
                                   "smaller one")
                        .arg(size.width())
                        .arg(size.height()));
    if (size.width() > MaxModelPixels || size.height() > MaxModelPixels)
        reader.setScaledSize(size.scaled(MaxModelPixels, MaxModelPixels, Qt::KeepAspectRatio));
    QImageReader::setAllocationLimit(MaxImageMegabytes);
    QImage small = reader.read();
    if (small.isNull())
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("the image cannot be read (%1)").arg(reader.errorString()));
    for (;;) {
        if (auto picture = fitting(small))
            return *picture;
        if (small.width() < 16 || small.height() < 16)
            return fail(ErrorCode::TooLarge, QStringLiteral("the image cannot be made smaller"));
        small = small.scaled(small.size() * 2 / 3, Qt::KeepAspectRatio, Qt::SmoothTransformation);
    }
}

}  // namespace celldeck::assets
