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
/// that a gigabyte takes no more than that. Fails with Protocol. Thread: any.
[[nodiscard]] Result<StreamContent> takeStream(QByteArray content);

}  // namespace celldeck::kernels
