#pragma once

#include <QTemporaryFile>
#include <deque>
#include <memory>

#include "base/result.h"
#include "kernels/wiremessage.h"

namespace celldeck::kernels {

/// Messages in a file without a name, which is gone with us; where the file system knows no such
/// files, it has one until it is closed, or `removeLeftFrameFiles` comes.
///
/// Owned by whoever writes or reads it. Thread: any, at places that do not overlap. All of it
/// blocks.
class FrameFile final
{
public:
    /// Fails with Io.
    [[nodiscard]] Result<> open(const QString &folder);

    /// What these take in a file.
    [[nodiscard]] static qint64 packedBytes(const std::deque<Frames> &messages);
    /// Fails with Io. Requires: open.
    [[nodiscard]] Result<> write(const std::deque<Frames> &messages, qint64 offset);
    /// Fails with Io. Requires: so many bytes were written there.
    [[nodiscard]] Result<std::deque<Frames>> read(qint64 bytes, qint64 offset) const;

private:
    QTemporaryFile m_file;
};

/// Those of an engine that was killed. Requires: nobody uses the folder.
void removeLeftFrameFiles(const QString &folder);

}  // namespace celldeck::kernels
