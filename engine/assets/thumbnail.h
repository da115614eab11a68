#pragma once

#include <QByteArray>
#include <QString>
#include <optional>

#include "base/result.h"

namespace celldeck::assets {

/// What a model is sent of an image at most: CONTRACT.md section 7.
inline constexpr int MaxModelPixels = 1'024;
inline constexpr qsizetype MaxModelBytes = 200'000;

struct Picture
{
    QByteArray bytes;
    QString mimeType;
};

/// The image itself if a model can take it, else a smaller one. Fails with InvalidArgument if it is
/// no image that this can read, and with TooLarge if it would take too much memory. Blocks.
[[nodiscard]] Result<Picture> modelSized(const QByteArray &image, const QString &mimeType);

}  // namespace celldeck::assets
