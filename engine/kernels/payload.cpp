#include "kernels/payload.h"

namespace celldeck::kernels {

namespace {

Json lineOutput(const QString &line)
{
    return {{"output_type", "display_data"},
            {"data", {{"text/plain", line}}},
            {"metadata", Json::object()}};
}

QString wishOf(const Json &item)
{
    const QString source = textOf(item, "source");
    if (const auto bytes = findInt(item, "omitted_bytes"))
        return QStringLiteral("[%1: left out, it has %2 bytes]").arg(source).arg(*bytes);
    if (source == QLatin1String("set_next_input"))
        return (findBool(item, "replace").value_or(false)
                    ? QStringLiteral("[it would replace this cell's code:]\n")
                    : QStringLiteral("[it suggests as the next cell:]\n")) +
               textOf(item, "text");
    if (source == QLatin1String("edit_magic") || source == QLatin1String("edit"))
        return QStringLiteral("[it asks for an editor: %1, line %2]")
            .arg(textOf(item, "filename"))
            .arg(findInt(item, "line_number").value_or(1));
    if (source == QLatin1String("ask_exit"))
        return QStringLiteral("[it has asked its kernel to end]");
    return QStringLiteral("[%1: %2]").arg(source, QString::fromUtf8(toBytes(item)));
}

}  // namespace

Json payloadOf(const Json &reply)
{
    Json kept = Json::array();
    const Json *payload = find(reply, "payload");
    if (!payload || !payload->is_array())
        return kept;
    for (const Json &item : *payload) {
        if (!item.is_object())
            continue;
        const qsizetype bytes = toBytes(item).size();
        kept.push_back(bytes <= MaxPayloadBytes
                           ? item
                           : Json{{"source", textOf(item, "source")}, {"omitted_bytes", bytes}});
    }
    return kept;
}

Json readablePayload(const Json &payload)
{
    Json outputs = Json::array();
    for (size_t i = 0; payload.is_array() && i < payload.size(); ++i) {
        const Json *page = find(payload[i], "data");
        const bool isPage = textOf(payload[i], "source") == QLatin1String("page");
        if (isPage && page && page->is_object())
            outputs.push_back(
                {{"output_type", "display_data"}, {"data", *page}, {"metadata", Json::object()}});
        else
            outputs.push_back(lineOutput(wishOf(payload[i])));
    }
    return outputs;
}

}  // namespace celldeck::kernels
