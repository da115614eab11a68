#include "tasks/displaybook.h"

namespace celldeck::tasks {

namespace {

constexpr size_t MaxTasks = 1'000;

}  // namespace

QByteArray displaysToJson(const kernels::Displays &displays)
{
    Json json = Json::object();
    for (auto shown = displays.cbegin(); shown != displays.cend(); ++shown) {
        Json &places = json[shown.key().toStdString()] = Json::array();
        for (const qsizetype place : *shown)
            places.push_back(place);
    }
    return toBytes(json);
}

kernels::Displays displaysFromJson(const QByteArray &json)
{
    kernels::Displays displays;
    const auto parsed = parseJson(json);
    if (!parsed || !parsed->is_object())
        return displays;
    for (const auto &[id, places] : parsed->items()) {
        for (const Json &place : places) {
            if (place.is_number_integer())
                displays[QString::fromStdString(id)] << place.get<qsizetype>();
        }
    }
    return displays;
}

void DisplayBook::remember(Shown shown)
{
    if (shown.displays.isEmpty())
        return;
    m_shown.push_back(std::move(shown));
    if (m_shown.size() > MaxTasks)
        m_shown.pop_front();
}

QList<DisplayBook::Shown> DisplayBook::apply(
    const QList<kernels::OutputCollector::DisplayUpdate> &updates)
{
    QList<Shown> changed;
    if (updates.isEmpty())
        return changed;
    for (Shown &shown : m_shown) {
        const Json before = shown.outputs;
        for (const auto &update : updates) {
            for (const qsizetype place : shown.displays.value(update.displayId)) {
                kernels::showAnew(shown.outputs[static_cast<size_t>(place)], update.data,
                                  update.metadata);
            }
        }
        if (shown.outputs != before)
            changed.append(shown);
    }
    return changed;
}

}  // namespace celldeck::tasks
