#pragma once

#include <QByteArray>
#include <QSet>
#include <vector>

#include "base/result.h"
#include "kernels/message.h"
#include "kernels/signer.h"

namespace celldeck::kernels {

/// One ZeroMQ multipart message.
using Frames = std::vector<QByteArray>;

[[nodiscard]] qsizetype bytesOf(const Frames &frames);

/// Of what is bigger only the short members of the content are taken in; but of a stream's text
/// all. A message stands in memory some five times at its worst: as frame, text, JSON, output and
/// on its way to the disk.
inline constexpr qsizetype MaxMessageBytes = 256 * 1024 * 1024;

/// A stream's text is a LongText from here on.
inline constexpr qsizetype LongTextBytes = 1024 * 1024;

/// As many digests as jupyter_client's Session remembers.
inline constexpr size_t DigestHistory = 65'536;

/// A message of whoever has the key; whether it has come before is not known yet.
struct Unpacked
{
    Digest signature;
    Message message;
};

/// Fails with Forbidden (not signed by the key's owner) or Protocol (no message). What is signed
/// and has its headers comes in any case, with what can be read of its content: see
/// Message::leftOut. Takes about a millisecond for each MB. Thread: any, with a signer of its own.
[[nodiscard]] Result<Unpacked> unpack(const Signer &signer, Frames frames,
                                      qsizetype maxMessageBytes = MaxMessageBytes);

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

    /// Fails as `unpack`, and with Forbidden for one that came before.
    [[nodiscard]] Result<Message> decode(Frames frames);
    /// The second half of that.
    [[nodiscard]] Result<Message> accept(Result<Unpacked> unpacked);

private:
    [[nodiscard]] bool remember(const Digest &digest);

    Signer m_signer;
    size_t m_capacity;
    qsizetype m_maxBytes;
    QSet<Digest> m_seen;
    std::vector<Digest> m_order;  // of m_seen, as a ring once it is full
    size_t m_oldest = 0;          // in that ring
};

}  // namespace celldeck::kernels
