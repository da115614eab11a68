#include "kernels/wiremessage.h"

#include "kernels/streamcontent.h"

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

/// Who says it, and to what.
Result<Message> parseHeaders(const QByteArray *parts)
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
    if (message.id().isEmpty() || message.type().isEmpty()) {
        return fail(ErrorCode::Protocol,
                    QStringLiteral("kernel message: the header has no msg_id or no msg_type"));
    }
    return message;
}

/// Of a JSON object the members that are short and no containers: what a message is, not what it
/// brings.
Json shortMembers(const QByteArray &object)
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
        return Json::object();
    for (auto member = kept.begin(); member != kept.end();)
        member = member->is_discarded() ? kept.erase(member) : std::next(member);
    return kept;
}

// So that what a message brings can be written into a notebook, where it is some levels deeper.
constexpr int MaxContentDepth = MaxJsonDepth - 16;

/// The object that `text` is, or that is left of it.
Result<Json> parseObject(const QByteArray &text)
{
    if (nestsDeeper(text, MaxContentDepth))
        return fail(ErrorCode::Protocol,
                    QStringLiteral("it is nested deeper than %1 levels").arg(MaxContentDepth));
    auto object = parseJson(text);
    if (const auto repaired = object ? std::nullopt : repairedJson(text))
        object = parseJson(*repaired);
    if (object && !object->is_object())
        return fail(ErrorCode::Protocol, QStringLiteral("is no object"));
    return object;
}

QByteArray metadataOf(const QByteArray &text)
{
    if (readTexts(text, {}, {}))
        return text;
    const auto repaired = repairedJson(text);
    return repaired && readTexts(*repaired, {}, {}) ? *repaired : QByteArrayLiteral("{}");
}

/// `bytes`: of the whole message.
void takeContent(Message &message, QByteArray text, qsizetype bytes, qsizetype maxBytes)
{
    if (message.type() == "stream" && text.size() >= LongTextBytes) {
        if (auto stream = takeStream(std::move(text))) {
            message.content = {{"name", stream->name}};
            message.longText = std::move(stream->text);
        } else {
            message.leftOut = stream.error().message;
        }
        return;
    }
    if (bytes > maxBytes) {
        message.content = shortMembers(text);
        message.leftOut =
            QStringLiteral("it has %1 bytes, the limit is %2").arg(bytes).arg(maxBytes);
        return;
    }
    auto content = parseObject(text);
    if (content)
        message.content = std::move(*content);
    else
        message.leftOut = QStringLiteral("its content cannot be read: ") + content.error().message;
}

}  // namespace

qsizetype bytesOf(const Frames &frames)
{
    qsizetype bytes = 0;
    for (const QByteArray &frame : frames)
        bytes += frame.size();
    return bytes;
}

Result<Unpacked> unpack(const Signer &signer, Frames frames, qsizetype maxMessageBytes)
{
    const qsizetype bytes = bytesOf(frames);
    const auto delimiter = std::find(frames.begin(), frames.end(), Delimiter);
    if (delimiter == frames.end())
        return fail(ErrorCode::Protocol, QStringLiteral("kernel message: no <IDS|MSG> in it"));
    if (frames.end() - delimiter < 2 + SignedFrames) {
        return fail(ErrorCode::Protocol,
                    QStringLiteral("kernel message: %1 frames after <IDS|MSG>, not 5 or more")
                        .arg(frames.end() - delimiter - 1));
    }
    const QByteArray &signature = *(delimiter + 1);
    QByteArray *parts = &*(delimiter + 2);
    const Digest digest = signer.digest(parts, SignedFrames);
    if (!equalInConstantTime(signature, hexOf(digest)))
        return fail(ErrorCode::Forbidden, QStringLiteral("kernel message: wrong signature"));

    auto message = parseHeaders(parts);
    if (!message)
        return fail(message.error());
    takeContent(*message, std::move(parts[3]), bytes, maxMessageBytes);
    if (bytes <= maxMessageBytes) {
        message->metadata = metadataOf(parts[2]);
        message->buffers.assign(delimiter + 2 + SignedFrames, frames.end());
    }
    return Unpacked{digest, std::move(*message)};
}

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
    frames.push_back(hexOf(m_signer.digest(parts, SignedFrames)));
    frames.insert(frames.end(), std::begin(parts), std::end(parts));
    frames.insert(frames.end(), message.buffers.begin(), message.buffers.end());
    return frames;
}

Result<Message> WireCodec::decode(Frames frames)
{
    return accept(unpack(m_signer, std::move(frames), m_maxBytes));
}

Result<Message> WireCodec::accept(Result<Unpacked> unpacked)
{
    if (!unpacked)
        return fail(unpacked.error());
    // Only true signatures are remembered, or a forger could push the true ones out.
    if (!remember(unpacked->signature))
        return fail(ErrorCode::Forbidden, QStringLiteral("kernel message: came before"));
    return std::move(unpacked->message);
}

bool WireCodec::remember(const Digest &digest)
{
    if (m_seen.contains(digest))
        return false;
    m_seen.insert(digest);
    if (m_order.size() < m_capacity) {
        m_order.push_back(digest);
        return true;
    }
    m_seen.remove(std::exchange(m_order[m_oldest], digest));
    m_oldest = (m_oldest + 1) % m_capacity;
    return true;
}

}  // namespace celldeck::kernels
