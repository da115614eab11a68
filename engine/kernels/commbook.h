#pragma once

#include <QByteArray>
#include <QHash>
#include <QString>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "kernels/outputcollector.h"

namespace celldeck::kernels {

/// The comms of one kernel, as far as widgets need a client: what state each has, buffers included,
/// and what is printed into an Output widget. As nbclient: a comm that is closed keeps its state,
/// for its view may still be in the notebook.
///
/// Owned by a Kernel. Thread: the engine's. Stopping: nothing to stop.
class CommBook final
{
public:
    /// Of all states and buffers together; over it those that changed least recently go.
    static constexpr qsizetype MaxBytes = 64 * 1024 * 1024;

    /// What the comms of widgets are opened for.
    static constexpr auto Target = "jupyter.widget";

    explicit CommBook(qsizetype maxBytes = MaxBytes) : m_maxBytes(maxBytes) {}

    /// A message of iopub. True if an Output widget has it: it is no output of the cell then.
    bool take(const Message &message);

    /// What the kernel's side of a widget is to know.
    struct Update
    {
        Json content;   ///< of a comm_msg
        Header parent;  ///< header of the request that it came from
    };
    /// Those of widgets that have changed since. To be sent before the next request.
    [[nodiscard]] std::vector<Update> takeUpdates();

    /// A notebook's `metadata.widgets`; null if there are none.
    [[nodiscard]] Json widgets() const;
    /// Grows when `widgets` changes.
    [[nodiscard]] std::uint64_t version() const { return m_version; }
    /// How many states had to go.
    [[nodiscard]] std::uint64_t dropped() const { return m_dropped; }

private:
    struct Model
    {
        Json state = Json::object();
        std::map<std::string, Json> buffers;  // by path
        qsizetype bytes = 0;
        std::uint64_t changed = 0;
    };
    struct Output
    {
        OutputCollector collector;
        QByteArray messageId;  // what it takes the outputs of, or ""
        Header parent;
        bool isDirty = false;
    };

    void updateModel(const QString &id, const Message &message);
    void follow(const QString &id, const Json &state);
    [[nodiscard]] bool capture(const Message &message);
    void weigh(Model &model);
    void makeRoom();

    const qsizetype m_maxBytes;
    qsizetype m_bytes = 0;
    std::uint64_t m_version = 0;
    std::uint64_t m_dropped = 0;
    std::map<QString, Model> m_models;
    std::map<QString, Output> m_outputs;                 // Output widgets
    QHash<QByteArray, std::vector<QString>> m_captures;  // the last one has what is printed
};

}  // namespace celldeck::kernels
