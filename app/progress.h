#pragma once

#include <QElapsedTimer>
#include <QSet>
#include <QString>

#include "base/json.h"
#include "storage/taskrecord.h"

namespace celldeck::app {

/// What `celldeck run` says while it runs: a bar on a terminal, lines in a log (both on stderr), or
/// JSON events, one a line, on stdout. Thread: one.
class Progress
{
public:
    enum class Form { Bar, Lines, Events };

    explicit Progress(Form form) : m_form(form) {}
    /// Bar if stderr is a terminal.
    [[nodiscard]] static Form formFor(bool json);

    /// `kernel`: of its cells; "" where it has none.
    void beginNotebook(const QString &path, qsizetype cells, const QString &kernel);
    void show(const storage::TaskRecord &task);
    /// What is no progress, but should be read: on stderr, over the bar, which is drawn again
    /// behind it; and an event besides.
    void interject(const QString &message);
    /// No end of it is to come.
    void abandonNotebook();
    /// `output` is where the outputs are; "" if they could not be written.
    void endNotebook(const QString &state, const QString &output);

private:
    void event(const char *name, Json values);
    void drawBar();
    void line(const QString &text);

    Form m_form;
    QString m_path;
    qsizetype m_cells = 0;
    QString m_doing;
    QSet<std::int64_t> m_ended;  ///< Ids: an ended task changes again when its display does.
    int m_skipped = 0;           ///< Ended before they began.
    QElapsedTimer m_time;
};

}  // namespace celldeck::app
