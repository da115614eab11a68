#pragma once

#include <QSet>
#include <deque>

#include "kernels/displaystate.h"
#include "storage/taskrecord.h"

namespace celldeck::tasks {

/// What a notebook's cells have shown under a display id, so that a later cell can show it anew
/// (Jupyter's update_display_data). Remembers the last 1,000 tasks that showed something so.
///
/// Owned by a session, as old as its kernel. Thread: the engine's.
class DisplayBook
{
public:
    struct Shown
    {
        storage::TaskRecord task;
        Json outputs;
        kernels::Displays places;
    };

    void remember(Shown shown);
    /// The tasks whose outputs the updates change, as they are now.
    [[nodiscard]] QList<Shown> apply(const kernels::DisplayUpdates &updates);
    /// All display ids that it knows.
    [[nodiscard]] const QSet<QString> &ids() const { return m_ids; }
    void clear();

private:
    std::deque<Shown> m_shown;
    QSet<QString> m_ids;
};

}  // namespace celldeck::tasks
