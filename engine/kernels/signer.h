#pragma once

#include <QByteArray>
#include <array>
#include <cstring>
#include <memory>

struct evp_mac_ctx_st;

namespace celldeck::kernels {

struct Digest
{
    std::array<char, 32> bytes{};

    bool operator==(const Digest &) const = default;
    /// As good as any other eight bytes of it.
    friend size_t qHash(const Digest &digest, size_t seed = 0) noexcept
    {
        size_t hash = 0;
        std::memcpy(&hash, digest.bytes.data(), sizeof hash);
        return hash ^ seed;
    }
};

/// As messages have it.
[[nodiscard]] QByteArray hexOf(const Digest &digest);

/// HMAC-SHA256 with one key, as the messages of Jupyter are signed.
///
/// libcrypto's, which uses what the processor has for it: QMessageAuthenticationCode took a third
/// of the time of a storm of outputs.
///
/// Thread: one. Stopping: nothing to stop.
class Signer final
{
public:
    explicit Signer(const QByteArray &key);

    /// Of `count` texts as if they were one.
    [[nodiscard]] Digest digest(const QByteArray *texts, qsizetype count) const;

private:
    struct Deleter
    {
        void operator()(evp_mac_ctx_st *context) const;
    };
    std::unique_ptr<evp_mac_ctx_st, Deleter> m_context;
};

}  // namespace celldeck::kernels
