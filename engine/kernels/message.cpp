#include "kernels/message.h"

#include <array>

namespace celldeck::kernels {

Header::Header(const Json &object)
{
    if (auto made = parse(toBytes(object)))
        *this = std::move(*made);
}

Result<Header> Header::parse(const QByteArray &text)
{
    static constexpr std::array<std::string_view, 2> Keys{"msg_id", "msg_type"};
    std::array<QByteArray, 2> texts;
    if (const Result<> read = readTexts(text, Keys, texts); !read)
        return fail(read.error());
    Header header;
    header.m_text = text;
    header.m_id = std::move(texts[0]);
    header.m_type = std::move(texts[1]);
    return header;
}

Json Header::json() const
{
    auto parsed = parseJson(m_text);
    return parsed ? std::move(*parsed) : Json::object();
}

}  // namespace celldeck::kernels
