#include "kernels/message.h"

#include <algorithm>
#include <array>

namespace celldeck::kernels {

LongText::LongText(QByteArray frame, QByteArrayView text)
    : m_frame(std::move(frame)),
      m_view(text.data(), size_t(text.size())),
      m_lineEnds(std::ranges::count(m_view, '\n'))
{}

Header::Header(const Json &object)
{
    if (auto made = parse(toBytes(object)))
        *this = std::move(*made);
}

Result<Header> Header::parse(const QByteArray &text)
{
    static constexpr std::array<std::string_view, 2> Keys{"msg_id", "msg_type"};
    std::array<QByteArray, 2> texts;
    if (const Result<> read = readTexts(text, Keys, texts); !read) {
        const auto repaired = repairedJson(text);
        return repaired ? parse(*repaired) : fail(read.error());
    }
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
