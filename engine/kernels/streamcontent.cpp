#include "kernels/streamcontent.h"

#ifdef __SSE2__
#define RAPIDJSON_SSE2
#endif
#include <rapidjson/error/en.h>
#include <rapidjson/reader.h>

#include <limits>
#include <optional>

namespace celldeck::kernels {

namespace {

/// Notes the two members that a stream message has.
class StreamMembers : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, StreamMembers>
{
public:
    bool StartObject() { return enter(); }
    bool StartArray() { return enter(); }
    bool EndObject(rapidjson::SizeType) { return leave(); }
    bool EndArray(rapidjson::SizeType) { return leave(); }
    bool Key(const char *key, rapidjson::SizeType size, bool)
    {
        if (m_depth == 1)
            m_key = QByteArrayView(key, qsizetype(size));
        return true;
    }
    bool String(const char *value, rapidjson::SizeType size, bool)
    {
        if (m_depth == 1 && m_key == "name")
            name = QByteArrayView(value, qsizetype(size));
        if (m_depth == 1 && m_key == "text")
            text = QByteArrayView(value, qsizetype(size));
        return true;
    }

    std::optional<QByteArrayView> name;
    std::optional<QByteArrayView> text;

private:
    bool enter()
    {
        ++m_depth;
        return true;
    }
    bool leave()
    {
        --m_depth;
        return true;
    }

    int m_depth = 0;
    QByteArrayView m_key;
};

}  // namespace

Result<StreamContent> takeStream(QByteArray content)
{
    if (auto repaired = repairedJson(content))
        content = std::move(*repaired);
    if (content.size() > qsizetype(std::numeric_limits<rapidjson::SizeType>::max()))
        return fail(ErrorCode::TooLarge, QStringLiteral("it has %1 bytes, the limit is %2")
                                             .arg(content.size())
                                             .arg(std::numeric_limits<rapidjson::SizeType>::max()));
    StreamMembers members;
    rapidjson::InsituStringStream stream(content.data());
    rapidjson::Reader reader;
    constexpr unsigned Flags = rapidjson::kParseInsituFlag | rapidjson::kParseIterativeFlag;
    const rapidjson::ParseResult parsed = reader.Parse<Flags>(stream, members);
    if (!parsed) {
        return fail(ErrorCode::Protocol,
                    QStringLiteral("its content cannot be read: %1")
                        .arg(QLatin1String(rapidjson::GetParseError_En(parsed.Code()))));
    }
    if (!members.name || !members.text)
        return fail(ErrorCode::Protocol, QStringLiteral("it has no name or no text"));
    return StreamContent{QString::fromUtf8(*members.name),
                         std::make_shared<LongText>(content, *members.text)};
}

}  // namespace celldeck::kernels
