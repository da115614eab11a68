#include "tasks/displaybook.h"

namespace celldeck::tasks {

namespace {

constexpr size_t MaxTasks = 1'000;

}  // namespace

void DisplayBook::remember(Shown shown)
{
    if (shown.places.isEmpty())
        return;
    for (auto place = shown.places.keyBegin(); place != shown.places.keyEnd(); ++place)
        m_ids.insert(*place);
    m_shown.push_back(std::move(shown));
    if (m_shown.size() <= MaxTasks)
        return;
    m_shown.pop_front();
    m_ids.clear();
    for (const Shown &left : m_shown) {
        for (auto place = left.places.keyBegin(); place != left.places.keyEnd(); ++place)
            m_ids.insert(*place);
    }
}

void DisplayBook::clear()
{
    m_shown.clear();
    m_ids.clear();
}

QList<DisplayBook::Shown> DisplayBook::apply(const kernels::DisplayUpdates &updates)
{
    QList<Shown> changed;
    for (Shown &shown : m_shown) {
        bool isChanged = false;
        for (const auto &[id, content] : updates) {
            for (const qsizetype place : shown.places.value(id))
                isChanged |= kernels::showAnew(shown.outputs[static_cast<size_t>(place)], content);
        }
        if (isChanged)
            changed.append(shown);
    }
    return changed;
}

}  // namespace celldeck::tasks
