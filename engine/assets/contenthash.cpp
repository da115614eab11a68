#include "assets/contenthash.h"

#include <openssl/evp.h>

#include "assets/asset.h"

namespace celldeck::assets {

namespace {

// As libcrypto is installed, or it is broken: and then a content would get another one's name.
void must(bool done)
{
    if (!done)
        qFatal("libcrypto offers no SHA-256");
}

}  // namespace

void ContentHash::Deleter::operator()(evp_md_ctx_st *context) const
{
    EVP_MD_CTX_free(context);
}

ContentHash::ContentHash() : m_context(EVP_MD_CTX_new())
{
    must(m_context && EVP_DigestInit_ex(m_context.get(), EVP_sha256(), nullptr) == 1);
}

void ContentHash::add(QByteArrayView piece)
{
    must(EVP_DigestUpdate(m_context.get(), piece.data(), size_t(piece.size())) == 1);
}

QByteArray ContentHash::stem()
{
    QByteArray digest(EVP_MAX_MD_SIZE, '\0');
    unsigned size = 0;
    must(EVP_DigestFinal_ex(m_context.get(), reinterpret_cast<unsigned char *>(digest.data()),
                            &size) == 1);
    return digest.left(qsizetype(size)).toHex().left(StemLength);
}

}  // namespace celldeck::assets
