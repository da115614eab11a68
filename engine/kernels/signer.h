#pragma once

#include <QByteArray>
#include <memory>

struct evp_mac_ctx_st;

namespace celldeck::kernels {

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

    /// In hexadecimal, of `count` texts as if they were one.
    [[nodiscard]] QByteArray sign(const QByteArray *texts, qsizetype count) const;

private:
    struct Deleter
    {
        void operator()(evp_mac_ctx_st *context) const;
    };
    std::unique_ptr<evp_mac_ctx_st, Deleter> m_context;
};

}  // namespace celldeck::kernels
