#pragma once

#include <QHash>
#include <QList>
#include <optional>

#include "kernels/message.h"

namespace celldeck::kernels {

/// Turns the IOPub messages of one execution into nbformat outputs, as nbclient does, with
/// consecutive texts of one stream merged into one output.
///
/// Owned by a client, one an execution. Thread: one. Stopping: nothing to stop.
class OutputCollector final
{
public:
    /// `soFar`: what was collected before, by an engine that is gone.
    explicit OutputCollector(Json soFar = Json::array()) : m_outputs(std::move(soFar)) {}

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

    [[nodiscard]] const Json &outputs() const { return m_outputs; }
    /// The indices of the outputs that can be updated later, by display id.
    [[nodiscard]] const QHash<QString, QList<qsizetype>> &displays() const { return m_displays; }

private:
    void append(Json output);
    void appendStream(const std::string &name, const std::string &text);
    bool updateHere(const DisplayUpdate &update);
    void clear();

    Json m_outputs;
    QHash<QString, QList<qsizetype>> m_displays;
    bool m_clearBeforeNext = false;
};

}  // namespace celldeck::kernels
