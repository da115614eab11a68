#pragma once

#include <QHash>
#include <QList>
#include <map>
#include <optional>

#include "kernels/message.h"
#include "kernels/spool.h"

namespace celldeck::kernels {

/// A cell that has more outputs than this, such as one that prints to stdout and stderr by turns:
/// what it prints from then on becomes one text of each stream. All of it is there, but not any
/// more between which lines of the other, and a line of ours says so. Each output costs half a
/// kilobyte, in each reader too, and of texts only their length is bounded (by a Spool).
inline constexpr size_t MaxSeparateTexts = 10'000;

/// The places among outputs of those that can be shown anew later, by display id.
using Displays = QHash<QString, QList<qsizetype>>;

/// Those of the places that are there and can be shown anew: what comes from a disk may not fit.
[[nodiscard]] Displays placesIn(const Json &outputs, const Displays &displays);
/// Another content in the place of what an output shows, and of what of it is in files.
void showAnew(Json &output, const Json &data, const Json &metadata);

/// Turns the IOPub messages of one execution into nbformat outputs, as nbclient does, with
/// consecutive texts of one stream merged into one output.
///
/// Owned by a client, one an execution. Thread: one. Stopping: nothing to stop.
class OutputCollector final
{
public:
    /// `soFar`, `displays`: what was collected before, by an engine that is gone. `spoolPath`: how
    /// the files begin that long texts go to; "": they stay in memory.
    explicit OutputCollector(Json soFar = Json::array(), QString spoolPath = {},
                             const Displays &displays = {});

    /// New data for every output that was shown under `displayId`, in this cell (done already)
    /// and in others (the caller's affair).
    struct DisplayUpdate
    {
        QString displayId;
        Json data;
        Json metadata;

        bool operator==(const DisplayUpdate &) const = default;
    };

    struct Effect
    {
        bool changed = false;
        std::optional<DisplayUpdate> update;
    };

    /// Messages that are no outputs change nothing.
    Effect apply(const Message &message);
    /// A line of ours on stderr, where something had to be left out.
    void note(const QString &line);
    /// The same, if not all of the message's content is here; else false.
    bool noteLeftOut(const Message &message);

    [[nodiscard]] const Json &outputs();
    /// The same, of one that takes nothing more.
    [[nodiscard]] Json takeOutputs();
    [[nodiscard]] const Displays &displays() const { return m_displays; }
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
    bool updateHere(const DisplayUpdate &update);
    void clear();

    Json m_outputs;
    Displays m_displays;
    QString m_spoolPath;
    int m_spooled = 0;  // how many there have been
    std::vector<std::shared_ptr<Spool>> m_spools;
    std::map<std::string, GrowingText> m_growing;  // by the stream's name
    bool m_joins = false;                          // over MaxSeparateTexts, as has been said
    bool m_clearBeforeNext = false;
};

}  // namespace celldeck::kernels
