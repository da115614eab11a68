#pragma once

#include <QByteArray>
#include <vector>

#include "base/json.h"

namespace celldeck::kernels {

/// A kernel's sockets that carry messages.
enum class Channel { Shell, Control, Iopub, Stdin };

/// One message of Jupyter's messaging protocol 5.3, unpacked.
struct Message
{
    Json header = Json::object();
    Json parentHeader = Json::object();
    Json metadata = Json::object();
    Json content = Json::object();
    std::vector<QByteArray> buffers;
    /// The size of one over the limit, else 0: of its content only what is short was kept.
    qsizetype oversizeBytes = 0;

    [[nodiscard]] QByteArray type() const { return bytes(header, "msg_type"); }
    [[nodiscard]] QByteArray id() const { return bytes(header, "msg_id"); }
    /// The id of the request that this message belongs to; empty if it belongs to none.
    [[nodiscard]] QByteArray parentId() const { return bytes(parentHeader, "msg_id"); }

    bool operator==(const Message &) const = default;

private:
    static QByteArray bytes(const Json &object, const char *key)
    {
        const Json *member = find(object, key);
        if (!member || !member->is_string())
            return {};
        return QByteArray::fromStdString(member->get_ref<const std::string &>());
    }
};

}  // namespace celldeck::kernels
