#pragma once

#include <QByteArray>
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

/// One message of Jupyter's messaging protocol 5.3, unpacked.
struct Message
{
    Header header;
    Header parentHeader;
    QByteArray metadata = QByteArrayLiteral("{}");  ///< a JSON object
    Json content = Json::object();
    std::vector<QByteArray> buffers;
    /// The size of one over the limit, else 0: of its content only what is short was kept.
    qsizetype oversizeBytes = 0;

    [[nodiscard]] const QByteArray &type() const { return header.type(); }
    [[nodiscard]] const QByteArray &id() const { return header.id(); }
    /// The id of the request that this message belongs to; empty if it belongs to none.
    [[nodiscard]] const QByteArray &parentId() const { return parentHeader.id(); }

    bool operator==(const Message &) const = default;
};

}  // namespace celldeck::kernels
