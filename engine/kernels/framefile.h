#pragma once

#include <QTemporaryFile>
#include <atomic>
#include <deque>
#include <memory>

#include "kernels/wiremessage.h"

namespace celldeck::kernels {

/// Messages in a file without a name, which is gone with us.
///
/// Owned by whoever writes or reads it. Thread: any, at places that do not overlap.
class FrameFile final
{
public:
    /// Null if there can be none, which is logged.
    [[nodiscard]] static std::shared_ptr<FrameFile> open(const QString &folder);

    /// What these take in a file.
    [[nodiscard]] static qint64 packedBytes(const std::deque<Frames> &messages);
    /// False if the disk refuses, which is logged once.
    [[nodiscard]] bool write(const std::deque<Frames> &messages, qint64 offset);
    /// None if they cannot be read, which is logged. Requires: written there.
    [[nodiscard]] std::deque<Frames> read(qint64 bytes, qint64 offset) const;

private:
    class Packer;

    [[nodiscard]] bool writeBytes(QByteArrayView bytes, qint64 offset);

    QTemporaryFile m_file;
    std::atomic<bool> m_isRefused = false;
};

}  // namespace celldeck::kernels
