#pragma once

#include <QByteArray>
#include <memory>

struct evp_md_ctx_st;

namespace celldeck::assets {

/// The SHA-256 that names an asset, of a content that comes in pieces. libcrypto's, which uses what
/// the processor has for it: Qt's took five seconds of each GB. Thread: one.
class ContentHash final
{
public:
    ContentHash();

    void add(QByteArrayView piece);
    /// StemLength hexadecimal digits of all that was added. Requires: called once, last.
    [[nodiscard]] QByteArray stem();

private:
    struct Deleter
    {
        void operator()(evp_md_ctx_st *context) const;
    };
    std::unique_ptr<evp_md_ctx_st, Deleter> m_context;
};

}  // namespace celldeck::assets
