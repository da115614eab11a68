#include "kernels/displaystate.h"

namespace celldeck::kernels {

Displays placesIn(const Json &outputs, const Displays &displays)
{
    Displays fitting;
    for (auto shown = displays.cbegin(); shown != displays.cend(); ++shown) {
        for (const qsizetype place : *shown) {
            if (place >= 0 && size_t(place) < outputs.size() &&
                find(outputs[size_t(place)], "data"))
                fitting[shown.key()] << place;
        }
    }
    return fitting;
}

bool showAnew(Json &output, const DisplayContent &content)
{
    if (output["data"] == content.data && output["metadata"] == content.metadata &&
        !output.contains("assets"))
        return false;
    output["data"] = content.data;
    output["metadata"] = content.metadata;
    output.erase("assets");
    return true;
}

QByteArray bytesOf(const DisplayState &state)
{
    Json json = Json::object();
    for (auto shown = state.places.cbegin(); shown != state.places.cend(); ++shown)
        json["places"][shown.key().toStdString()] = *shown;
    for (const auto &[id, content] : state.updates)
        json["updates"][id.toStdString()] = {{"data", content.data},
                                             {"metadata", content.metadata}};
    if (state.clearsNext)
        json["clears_next"] = true;
    return toBytes(json);
}

DisplayState displayStateFrom(const QByteArray &json)
{
    DisplayState state;
    const auto parsed = parseJson(json);
    if (!parsed)
        return state;
    if (const Json *places = find(*parsed, "places"); places && places->is_object()) {
        for (const auto &[id, list] : places->items()) {
            for (const Json &place : list) {
                if (place.is_number_integer())
                    state.places[QString::fromStdString(id)] << place.get<qsizetype>();
            }
        }
    }
    if (const Json *updates = find(*parsed, "updates"); updates && updates->is_object()) {
        for (const auto &[id, content] : updates->items()) {
            const Json *data = find(content, "data");
            const Json *metadata = find(content, "metadata");
            if (data && data->is_object() && metadata && metadata->is_object())
                state.updates[QString::fromStdString(id)] = {*data, *metadata};
        }
    }
    state.clearsNext = findBool(*parsed, "clears_next").value_or(false);
    return state;
}

}  // namespace celldeck::kernels
