#include "tasks/partialrecord.h"

namespace celldeck::tasks {

namespace {

// What a crash may cost of a running task's outputs; where they are big, a thousandth of a second
// more for each so many bytes.
constexpr Milliseconds KeepInterval{1'000};
constexpr qsizetype KeptBytesAMs = 1'024;

}  // namespace

PartialRecord::PartialRecord(TaskLog &log, const Clock &clock, TaskScope &scope,
                             std::function<std::optional<Partial>()> now)
    : m_log(log),
      m_clock(clock),
      m_scope(scope),
      m_now(std::move(now)),
      m_due(KeepInterval, [this] { keep(); })
{}

void PartialRecord::keep()
{
    if (m_clock.now() - m_keptAt < Milliseconds(m_keptBytes / KeptBytesAMs)) {
        m_due.poke();
        return;
    }
    auto partial = m_now();
    if (!partial)
        return;
    if (!partial->displays.isEmpty())
        noteDisplays(partial->id);
    m_keptAt = m_clock.now();
    m_keptBytes = partial->outputs.size() + partial->displays.size();
    m_scope.start(
        m_log.keepPartial(partial->id, std::move(partial->outputs), std::move(partial->displays)));
}

}  // namespace celldeck::tasks
