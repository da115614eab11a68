#include "tools/taskprogress.h"

#include "assets/bigoutputs.h"

namespace celldeck::tools {

namespace {

constexpr Milliseconds ProgressInterval{500};
constexpr qsizetype MostCharacters = 200;

/// As it is read: of a progress bar what stands there last.
QString lastLineOf(const Json &outputs)
{
    if (outputs.empty())
        return {};
    const QStringList lines =
        assets::readable(assets::shownWithoutFiles(Json::array({outputs.back()})))
            .split(u'\n', Qt::SkipEmptyParts);
    return lines.isEmpty() ? QString() : lines.last().trimmed().left(MostCharacters);
}

}  // namespace

TaskProgress::TaskProgress(const tasks::TaskQueue &queue, const storage::TaskRecord &task,
                           const mcp::CallContext &context)
    : m_queue(queue),
      m_task(task),
      m_progress(context.progress),
      m_due(ProgressInterval, [this] { tell(); })
{
    if (!m_progress)
        return;
    QObject::connect(&queue, &tasks::TaskQueue::outputsChanged, &m_receiver,
                     [this](storage::TaskId id, const Json &) {
                         if (id == m_task.id)
                             m_due.poke();
                     });
    QObject::connect(&queue, &tasks::TaskQueue::taskChanged, &m_receiver,
                     [this](const storage::TaskRecord &changed) {
                         if (changed.id != m_task.id || storage::isFinal(changed.state))
                             return;
                         m_task = changed;
                         m_due.poke();
                     });
    m_due.poke();
}

void TaskProgress::tell()
{
    const QString line = lastLineOf(m_queue.liveOutputs(m_task.notebookPath, m_task.id));
    QString now = storage::toText(m_task.state);
    if (!line.isEmpty())
        now += QStringLiteral(": ") + line;
    if (std::exchange(m_told, now) != now)
        m_progress(++m_count, std::nullopt, now);
}

}  // namespace celldeck::tools
