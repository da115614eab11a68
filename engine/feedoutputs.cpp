#include "engine/feedoutputs.h"

#include <QFile>

#include "assets/bigoutputs.h"
#include "kernels/payload.h"

namespace celldeck {

namespace {

constexpr size_t MaxLiveOutputs = 100;
constexpr size_t MaxLiveText = 1 << 16;
constexpr size_t MaxLiveData = 1 << 20;

bool isLong(const Json &output)
{
    const Json *text = find(output, "text");
    if (text && text->is_string())
        return text->get_ref<const std::string &>().size() > MaxLiveText;
    const Json *data = find(output, "data");
    return data && data->is_object() && std::ranges::any_of(*data, [](const Json &part) {
               return part.is_string() && part.get_ref<const std::string &>().size() > MaxLiveData;
           });
}

/// A picture that is in a file is shown by its small copy, or as it is if it needs none.
void showPictures(Json &output)
{
    const Json *places = find(output, "assets");
    if (!places || !places->is_array())
        return;
    for (const Json &place : *places) {
        const QString mime = textOf(place, "mime_type");
        if (mime != QLatin1String("image/png") && mime != QLatin1String("image/jpeg"))
            continue;
        const QString copy = textOf(place, "thumbnail");
        QFile file(copy.isEmpty() ? textOf(place, "path") : copy);
        if (!file.open(QIODevice::ReadOnly))
            continue;  // It may have been cleaned up: its words stay.
        const QString type = file.fileName().endsWith(QLatin1String(".png"))
                                 ? QStringLiteral("image/png")
                                 : QStringLiteral("image/jpeg");
        output["data"][type.toStdString()] = file.readAll().toBase64().toStdString();
    }
}

}  // namespace

QByteArray liveOutputs(const Json &outputs)
{
    const size_t left = outputs.size() - std::min(outputs.size(), MaxLiveOutputs);
    Json shown = Json::array();
    if (left > 0)
        shown.push_back({{"output_type", "stream"},
                         {"name", "stderr"},
                         {"text", "… " + std::to_string(left) + " outputs before these …\n"}});
    for (size_t i = left; i < outputs.size(); ++i)
        shown.push_back(isLong(outputs[i]) ? assets::shownWithoutFiles(Json::array({outputs[i]}))[0]
                                           : outputs[i]);
    return toBytes(shown);
}

QByteArray allOutputs(const storage::TaskDetail &detail, const QList<storage::Adoption> &adopted)
{
    const auto outputs = parseJson(detail.outputs);
    const auto payload = parseJson(detail.payload);
    if (!outputs || !outputs->is_array())
        return detail.outputs;
    Json all = *outputs;
    if (payload) {
        for (const Json &page : kernels::readablePayload(*payload))
            all.push_back(page);
    }
    for (const storage::Adoption &adoption : adopted) {
        all.push_back({{"output_type", "stream"},
                       {"name", "stderr"},
                       {"text", "[adopted by this task: it came for " +
                                    adoption.parent.toStdString() + "]\n"}});
        const auto more = parseJson(adoption.outputs);
        if (more && more->is_array())
            all.insert(all.end(), more->begin(), more->end());
    }
    for (Json &output : all)
        showPictures(output);
    return toBytes(all);
}

}  // namespace celldeck
