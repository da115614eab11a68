#pragma once

#include <QByteArray>
#include <memory>
#include <vector>

#include "base/json.h"

namespace celldeck::kernels {

/// A kernel's sockets that carry messages.
enum class Channel { Shell, Control, Iopub, Stdin };

/// What a message says of itself, or its parent of itself. Kept as the text that came: a cell
/// brings four messages and more, and of their headers hardly anything is ever looked at.
class Header final
{
public:
    /// An empty one.
    Header() = default;
    /// Requires: an object.
    Header(const Json &object);
    /// Fails with Protocol: no JSON, or no object.
    [[nodiscard]] static Result<Header> parse(const QByteArray &text);

    [[nodiscard]] const QByteArray &text() const { return m_text; }
    [[nodiscard]] const QByteArray &id() const { return m_id; }      ///< msg_id, or ""
    [[nodiscard]] const QByteArray &type() const { return m_type; }  ///< msg_type, or ""
    [[nodiscard]] Json json() const;

    bool operator==(const Header &) const = default;

private:
    QByteArray m_text = QByteArrayLiteral("{}");
    QByteArray m_id;
    QByteArray m_type;
};

/// A text that is too long to be held more than once: it stays in the frame that it came in.
/// Thread: any.
class LongText final
{
public:
    /// Requires: a part of the frame.
    LongText(QByteArray frame, QByteArrayView text);

    [[nodiscard]] std::string_view view() const { return m_view; }
    [[nodiscard]] std::int64_t lineEnds() const { return m_lineEnds; }

private:
    const QByteArray m_frame;
    const std::string_view m_view;
    const std::int64_t m_lineEnds;
};

/// One message of Jupyter's messaging protocol 5.3, unpacked.
struct Message
{
    Header header;
    Header parentHeader;
    QByteArray metadata = QByteArrayLiteral("{}");  ///< a JSON object
    Json content = Json::object();
    std::vector<QByteArray> buffers;
    /// Of a long stream message the text, which then is not in the content.
    std::shared_ptr<const LongText> longText;
    /// Why not all of its content is here, for people; "" if it is.
    QString leftOut;

    [[nodiscard]] const QByteArray &type() const { return header.type(); }
    [[nodiscard]] const QByteArray &id() const { return header.id(); }
    /// The id of the request that this message belongs to; empty if it belongs to none.
    [[nodiscard]] const QByteArray &parentId() const { return parentHeader.id(); }

    bool operator==(const Message &) const = default;
};

}  // namespace celldeck::kernels
