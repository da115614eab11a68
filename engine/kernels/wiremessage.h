#pragma once

#include <QByteArray>
#include <QSet>
#include <deque>
#include <vector>

#include "base/result.h"
#include "kernels/message.h"
#include "kernels/signer.h"

namespace celldeck::kernels {

/// One ZeroMQ multipart message.
using Frames = std::vector<QByteArray>;

/// Of what is bigger only the short members of the content are taken in, and its size, so that
/// whoever it was for can say what is missing. A message stands in memory some five times at its
/// worst: as frame, text, JSON, output and on its way to the disk.
inline constexpr qsizetype MaxMessageBytes = 256 * 1024 * 1024;

/// As many digests as jupyter_client's Session remembers.
inline constexpr size_t DigestHistory = 65'536;

/// Packs messages into frames and back, as "The wire protocol" of jupyter_client's documentation
/// has it: [routing ids…] <IDS|MSG> signature header parent metadata content [buffers…], signed
/// with HMAC-SHA256 over the four JSON frames.
///
/// Owned by a client; one for all of its channels, since the history of digests is one. Thread:
/// one. Stopping: nothing to stop.
class WireCodec final
{
public:
    /// Requires: a key that is not empty; an unsigned connection is not offered.
    explicit WireCodec(const QByteArray &key, size_t digestHistory = DigestHistory,
                       qsizetype maxMessageBytes = MaxMessageBytes);

    [[nodiscard]] Frames encode(const Message &message) const;

    /// Fails with Forbidden (not signed by the key's owner, or seen before) or Protocol. One over
    /// `maxMessageBytes` comes without its long members and buffers.
    [[nodiscard]] Result<Message> decode(const Frames &frames);

private:
    [[nodiscard]] bool remember(const QByteArray &digest);

    Signer m_signer;
    size_t m_capacity;
    qsizetype m_maxBytes;
    QSet<QByteArray> m_seen;
    std::deque<QByteArray> m_order;  // of m_seen, oldest first
};

}  // namespace celldeck::kernels
