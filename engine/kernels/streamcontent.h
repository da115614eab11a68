#pragma once

#include "base/result.h"
#include "kernels/message.h"

namespace celldeck::kernels {

/// What a stream message brings.
struct StreamContent
{
    QString name;
    std::shared_ptr<const LongText> text;
};

/// Reads the content of a stream message where it stands: its text is decoded in its own place, so
/// that a gigabyte takes no more than that, unless some of it is no UTF-8. Fails with Protocol, or
/// with TooLarge from 4 GiB on. Thread: any.
[[nodiscard]] Result<StreamContent> takeStream(QByteArray content);

}  // namespace celldeck::kernels
