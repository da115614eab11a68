#include "kernels/signer.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

namespace celldeck::kernels {

namespace {

// As libcrypto is installed, or it is broken: then no kernel can be spoken to.
void must(bool done)
{
    if (!done)
        qFatal("libcrypto offers no HMAC-SHA256");
}

}  // namespace

void Signer::Deleter::operator()(evp_mac_ctx_st *context) const
{
    EVP_MAC_CTX_free(context);
}

Signer::Signer(const QByteArray &key)
{
    EVP_MAC *const mac = EVP_MAC_fetch(nullptr, OSSL_MAC_NAME_HMAC, nullptr);
    must(mac != nullptr);
    m_context.reset(EVP_MAC_CTX_new(mac));
    EVP_MAC_free(mac);  // the context holds it
    must(m_context != nullptr);
    std::string digest = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_end()};
    must(EVP_MAC_init(m_context.get(), reinterpret_cast<const unsigned char *>(key.constData()),
                      size_t(key.size()), parameters) == 1);
}

Digest Signer::digest(const QByteArray *texts, qsizetype count) const
{
    must(EVP_MAC_init(m_context.get(), nullptr, 0, nullptr) ==
         1);  // anew, with the same key: since 3.0.3
    for (qsizetype i = 0; i < count; ++i)
        must(EVP_MAC_update(m_context.get(),
                            reinterpret_cast<const unsigned char *>(texts[i].constData()),
                            size_t(texts[i].size())) == 1);
    Digest mac{};
    size_t size = 0;
    must(EVP_MAC_final(m_context.get(), reinterpret_cast<unsigned char *>(mac.bytes.data()), &size,
                       mac.bytes.size()) == 1 &&
         size == mac.bytes.size());
    return mac;
}

QByteArray hexOf(const Digest &digest)
{
    return QByteArray::fromRawData(digest.bytes.data(), qsizetype(digest.bytes.size())).toHex();
}

}  // namespace celldeck::kernels
