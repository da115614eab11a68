#include "kernels/wiremessage.h"

namespace celldeck::kernels {

namespace {

constexpr QByteArrayView Delimiter("<IDS|MSG>");
constexpr qsizetype SignedFrames = 4;

/// Takes as long wherever the first difference is.
bool equalInConstantTime(QByteArrayView a, QByteArrayView b)
{
    if (a.size() != b.size())
        return false;
    unsigned difference = 0;
    for (qsizetype i = 0; i < a.size(); ++i)
        difference |= unsigned(a[i]) ^ unsigned(b[i]);
    return difference == 0;
}

std::unexpected<Error> broken(const char *what, const QString &why)
{
    return fail(ErrorCode::Protocol,
                QStringLiteral("kernel message: %1: %2").arg(QLatin1String(what), why));
}

Result<Message> parseFrames(const QByteArray *parts)
{
    Message message;
    auto header = Header::parse(parts[0]);
    if (!header)
        return broken("header", header.error().message);
    message.header = std::move(*header);
    auto parent = Header::parse(parts[1]);
    if (!parent)
        return broken("parent_header", parent.error().message);
    message.parentHeader = std::move(*parent);
    if (const Result<> read = readTexts(parts[2], {}, {}); !read)
        return broken("metadata", read.error().message);
    message.metadata = parts[2];
    auto content = parseJson(parts[3]);
    if (!content)
        return broken("content", content.error().message);
    if (!content->is_object())
        return broken("content", QStringLiteral("is no object"));
    message.content = std::move(*content);
    if (message.id().isEmpty() || message.type().isEmpty()) {
        return fail(ErrorCode::Protocol,
                    QStringLiteral("kernel message: the header has no msg_id or no msg_type"));
    }
    return message;
}

/// Of a JSON object the members that are short and no containers: what a message is, not what it
/// brings.
QByteArray shortMembers(const QByteArray &object)
{
    constexpr size_t ShortBytes = 1'024;
    Json kept = Json::parse(
        object.begin(), object.end(),
        [](int depth, Json::parse_event_t event, Json &parsed) {
            if (event != Json::parse_event_t::value)
                return depth == 0 || event == Json::parse_event_t::key;
            return depth == 1 &&
                   (!parsed.is_string() || parsed.get_ref<std::string &>().size() <= ShortBytes);
        },
        false);
    if (!kept.is_object())
        return QByteArrayLiteral("{}");
    for (auto member = kept.begin(); member != kept.end();)
        member = member->is_discarded() ? kept.erase(member) : std::next(member);
    return toBytes(kept);
}

}  // namespace

WireCodec::WireCodec(const QByteArray &key, size_t digestHistory, qsizetype maxMessageBytes)
    : m_signer(key), m_capacity(digestHistory), m_maxBytes(maxMessageBytes)
{}

Frames WireCodec::encode(const Message &message) const
{
    const QByteArray parts[] = {message.header.text(), message.parentHeader.text(),
                                message.metadata, toBytes(message.content)};
    Frames frames;
    frames.reserve(2 + std::size(parts) + message.buffers.size());
    frames.push_back(Delimiter.toByteArray());
    frames.push_back(m_signer.sign(parts, SignedFrames));
    frames.insert(frames.end(), std::begin(parts), std::end(parts));
    frames.insert(frames.end(), message.buffers.begin(), message.buffers.end());
    return frames;
}

Result<Message> WireCodec::decode(const Frames &frames)
{
    qsizetype bytes = 0;
    for (const QByteArray &frame : frames)
        bytes += frame.size();
    const auto delimiter = std::find(frames.begin(), frames.end(), Delimiter);
    if (delimiter == frames.end())
        return fail(ErrorCode::Protocol, QStringLiteral("kernel message: no <IDS|MSG> in it"));
    if (frames.end() - delimiter < 2 + SignedFrames) {
        return fail(ErrorCode::Protocol,
                    QStringLiteral("kernel message: %1 frames after <IDS|MSG>, not 5 or more")
                        .arg(frames.end() - delimiter - 1));
    }
    const QByteArray &signature = *(delimiter + 1);
    const QByteArray *parts = &*(delimiter + 2);
    if (!equalInConstantTime(signature, m_signer.sign(parts, SignedFrames)))
        return fail(ErrorCode::Forbidden, QStringLiteral("kernel message: wrong signature"));
    // Only true signatures are remembered, or a forger could push the true ones out.
    if (!remember(signature))
        return fail(ErrorCode::Forbidden, QStringLiteral("kernel message: came before"));

    if (bytes > m_maxBytes) {
        const QByteArray small[] = {parts[0], parts[1], QByteArrayLiteral("{}"),
                                    shortMembers(parts[3])};
        Result<Message> message = parseFrames(small);
        if (message)
            message->oversizeBytes = bytes;
        return message;
    }
    Result<Message> message = parseFrames(parts);
    if (message)
        message->buffers.assign(delimiter + 2 + SignedFrames, frames.end());
    return message;
}

bool WireCodec::remember(const QByteArray &digest)
{
    if (m_seen.contains(digest))
        return false;
    m_seen.insert(digest);
    m_order.push_back(digest);
    if (m_order.size() > m_capacity) {
        m_seen.remove(m_order.front());
        m_order.pop_front();
    }
    return true;
}

}  // namespace celldeck::kernels
