#pragma once

#include <QSet>
#include <map>

#include "kernels/displaystate.h"
#include "kernels/message.h"
#include "kernels/spool.h"

namespace celldeck::kernels {

/// A cell that has more outputs than this, such as one that prints to stdout and stderr by turns:
/// what it prints from then on becomes one text of each stream. All of it is there, but not any
/// more between which lines of the other, and a line of ours says so. Each output costs half a
/// kilobyte, in each reader too, and of texts only their length is bounded (by a Spool).
inline constexpr size_t MaxSeparateTexts = 10'000;

/// Turns the IOPub messages of one execution into nbformat outputs, as nbclient does, with
/// consecutive texts of one stream merged into one output.
///
/// Owned by a client, one an execution. Thread: one. Stopping: nothing to stop.
class OutputCollector final
{
public:
    /// `soFar`, `state`: what was collected before, by an engine that is gone. `spoolPath`: how
    /// the files begin that long texts go to; "": they stay in memory.
    /// `shownBefore`: the display ids of earlier executions; what is shown anew of others is not
    /// kept, since nobody shows it.
    explicit OutputCollector(Json soFar = Json::array(), QString spoolPath = {},
                             DisplayState state = {}, QSet<QString> shownBefore = {});

    /// Whether the outputs, or the state, are others now: messages that are no outputs change
    /// nothing.
    bool apply(const Message &message);
    /// A line of ours on stderr, where something had to be left out.
    void note(const QString &line);
    /// The same, where what is missing may come behind a `clear_output` as well as before it: a
    /// clearing that is due leaves the line there, the next one takes it away.
    void noteGap(const QString &line);
    /// The same, if not all of the message's content is here; else false.
    bool noteLeftOut(const Message &message);

    [[nodiscard]] const Json &outputs();
    /// The same, of one that takes nothing more.
    [[nodiscard]] Json takeOutputs();
    [[nodiscard]] const DisplayState &state() const { return m_state; }
    /// The files of those outputs that are too long for memory.
    [[nodiscard]] const std::vector<std::shared_ptr<Spool>> &spools() const { return m_spools; }

private:
    /// A text that what the stream prints next belongs to.
    struct GrowingText
    {
        size_t place = 0;                // among the outputs
        std::shared_ptr<Spool> spool{};  // null while it is short
    };

    void append(Json output);
    void appendStream(const std::string &name, const std::string &text);
    void appendLong(const std::string &name, std::shared_ptr<const LongText> text);
    GrowingText &growingText(const std::string &name);
    void beginText(const std::string &name, const std::string &text);
    void grow(GrowingText &growing, const std::string &text);
    Spool &spoolOf(GrowingText &growing);
    /// What went to files is shown as it stands only when somebody looks: in a storm that is once
    /// in a thousand messages.
    void describeGrowing();
    bool applyDisplay(const Message &message);
    bool applyClear(bool wait);
    void clear();

    Json m_outputs;
    DisplayState m_state;
    QSet<QString> m_shownBefore;
    QString m_gap;  // the line that the next clearing leaves there
    QString m_spoolPath;
    int m_spooled = 0;  // how many there have been
    std::vector<std::shared_ptr<Spool>> m_spools;
    std::map<std::string, GrowingText> m_growing;  // by the stream's name
    bool m_joins = false;                          // over MaxSeparateTexts, as has been said
};

}  // namespace celldeck::kernels
