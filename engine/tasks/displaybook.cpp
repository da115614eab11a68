#include "tasks/displaybook.h"

namespace celldeck::tasks {

namespace {

constexpr size_t MaxTasks = 1'000;

}  // namespace

void DisplayBook::remember(Shown shown)
{
    if (shown.places.isEmpty())
        return;
    m_shown.push_back(std::move(shown));
    if (m_shown.size() > MaxTasks)
        m_shown.pop_front();
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
