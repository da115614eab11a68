#include "progress.h"

#include <unistd.h>
#include <QFileInfo>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "commandline.h"

namespace celldeck::app {

using storage::TaskRecord;
using storage::TaskState;

namespace {

constexpr int BarWidth = 24;

QString seconds(std::int64_t milliseconds)
{
    return QString::number(static_cast<double>(milliseconds) / 1000, 'f', 1) + QStringLiteral(" s");
}

}  // namespace

Progress::Form Progress::formFor(bool json)
{
    if (json)
        return Form::Events;
    return ::isatty(STDERR_FILENO) != 0 ? Form::Bar : Form::Lines;
}

void Progress::event(const char *name, Json values)
{
    values["event"] = name;
    values["time"] = toIso(SystemClock().now());
    std::printf("%s\n", toBytes(values).constData());
    std::fflush(stdout);
}

void Progress::line(const QString &text)
{
    // \r\x1b[K: over the bar, which is drawn again below.
    std::fprintf(stderr, "%s%s\n", m_form == Form::Bar ? "\r\x1b[K" : "", qUtf8Printable(text));
}

void Progress::drawBar()
{
    const auto done =
        m_cells == 0 ? BarWidth : static_cast<int>(m_ended.size() * BarWidth / m_cells);
    const QString bar = QString(done, QChar(0x2588)) + QString(BarWidth - done, QChar(0x2591));
    std::fprintf(stderr, "\r\x1b[K%s %s %lld/%lld  %s",
                 qUtf8Printable(QFileInfo(m_path).fileName()), qUtf8Printable(bar),
                 static_cast<long long>(m_ended.size()), static_cast<long long>(m_cells),
                 qUtf8Printable(m_doing));
    std::fflush(stderr);
}

void Progress::beginNotebook(const QString &path, qsizetype cells, const QString &kernel)
{
    m_path = path;
    m_cells = cells;
    m_ended.clear();
    m_doing = QStringLiteral("starting the kernel ") + kernel;
    m_skipped = 0;
    m_time.start();
    if (m_form == Form::Events)
        event("notebook_started", {{"notebook", path},
                                   {"cells", cells},
                                   {"kernel", kernel.isEmpty() ? Json(nullptr) : Json(kernel)}});
    else if (m_form == Form::Lines)
        line(QStringLiteral("%1: %2 %3%4")
                 .arg(path)
                 .arg(cells)
                 .arg(cells == 1 ? QStringLiteral("cell") : QStringLiteral("cells"),
                      kernel.isEmpty() ? QString() : QStringLiteral(", kernel ") + kernel));
    else
        drawBar();
}

void Progress::show(const TaskRecord &task)
{
    const bool ended = isFinal(task.state);
    if (m_ended.contains(task.id.value()))
        return;
    if (ended)
        m_ended.insert(task.id.value());
    const std::int64_t took = ended && task.startedAt && task.finishedAt
                                  ? (*task.finishedAt - *task.startedAt).count()
                                  : 0;
    if (m_form == Form::Events) {
        const char *name = task.state == TaskState::Pending   ? "task_queued"
                           : task.state == TaskState::Running ? "task_started"
                                                              : "task_finished";
        Json values{{"task_id", nameOf(task)},
                    {"notebook", task.notebookPath},
                    {"cell_index", task.cellIndex},
                    {"status", toText(task.state)}};
        if (ended) {
            values["execution_count"] =
                task.executionCount ? Json(*task.executionCount) : Json(nullptr);
            values["error"] = task.error.isEmpty() ? Json(nullptr) : Json(task.error);
            values["duration_ms"] = took;
        }
        return event(name, std::move(values));
    }
    // What was cancelled before it began is counted at the end: a line for each would hide why.
    const bool skipped = task.state == TaskState::Cancelled && !task.startedAt;
    if (skipped)
        ++m_skipped;
    const bool bad = ended && task.state != TaskState::Completed;
    if (!skipped && (bad || (ended && m_form == Form::Lines))) {
        QString text = QStringLiteral("  cell %1: %2, %3")
                           .arg(task.cellIndex)
                           .arg(toText(task.state), seconds(took));
        if (!task.error.isEmpty())
            text += QStringLiteral(" (%1)").arg(task.error);
        line(text);
    }
    if (m_form == Form::Bar && task.state != TaskState::Pending) {
        m_doing = ended ? QString() : QStringLiteral("cell %1").arg(task.cellIndex);
        drawBar();
    }
}

void Progress::interject(const QString &message)
{
    if (m_form == Form::Events)
        event("message", {{"text", message}});
    const bool inBar = m_form == Form::Bar && !m_path.isEmpty();
    if (inBar)
        std::fputs("\r\x1b[K", stderr);
    complain(message);
    if (inBar)
        drawBar();
}

void Progress::abandonNotebook()
{
    if (m_form == Form::Bar)
        std::fputs("\r\x1b[K", stderr);
    m_path.clear();
}

void Progress::endNotebook(const QString &state, const QString &output)
{
    if (m_form == Form::Events)
        return event("notebook_finished",
                     {{"notebook", m_path},
                      {"status", state},
                      {"output", output.isEmpty() ? Json(nullptr) : Json(output)},
                      {"duration_ms", m_time.elapsed()}});
    QString text = QStringLiteral("%1: %2, %3")
                       .arg(std::exchange(m_path, {}), state, seconds(m_time.elapsed()));
    if (m_skipped > 0)
        text += (m_skipped == 1 ? QStringLiteral(", %1 cell did not run")
                                : QStringLiteral(", %1 cells did not run"))
                    .arg(m_skipped);
    if (!output.isEmpty())
        text += QStringLiteral(" → ") + output;
    line(text);
}

}  // namespace celldeck::app
