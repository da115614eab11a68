#include "kernels/commbook.h"

#include <QLoggingCategory>
#include <algorithm>

namespace celldeck::kernels {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.kernels.comms", QtInfoMsg)

constexpr auto WidgetState = "application/vnd.jupyter.widget-state+json";

bool isOutputWidget(const Json &state)
{
    return textOf(state, "_model_module") == QLatin1String("@jupyter-widgets/output") &&
           textOf(state, "_model_name") == QLatin1String("OutputModel");
}

Json outputsOf(const Json &state)
{
    const Json *outputs = find(state, "outputs");
    return outputs && outputs->is_array() ? *outputs : Json::array();
}

}  // namespace

bool CommBook::take(const Message &message)
{
    const QByteArray &type = message.type();
    if (!type.startsWith("comm_"))
        return !m_captures.isEmpty() && capture(message);
    const QString id = textOf(message.content, "comm_id");
    const Json *data = find(message.content, "data");
    const Json *state = data ? find(*data, "state") : nullptr;
    if (id.isEmpty() || !state || !state->is_object() || type == "comm_close")
        return false;
    updateModel(id, message);
    // One that is opened; or tells all of its state, as its opening was told to an earlier engine.
    if (!m_outputs.contains(id) && isOutputWidget(*state))
        m_outputs[id].collector = OutputCollector(outputsOf(*state));
    if (type == "comm_msg")
        follow(id, *state);
    return false;
}

void CommBook::updateModel(const QString &id, const Message &message)
{
    Model &model = m_models[id];
    const Json &data = *find(message.content, "data");
    model.state.update(*find(data, "state"));
    const Json *paths = find(data, "buffer_paths");
    for (size_t i = 0; paths && paths->is_array() && i < paths->size(); ++i) {
        if (i >= message.buffers.size())
            break;
        const Json &path = (*paths)[i];
        model.buffers[path.dump(-1, ' ', false, Json::error_handler_t::replace)] = {
            {"data", message.buffers[i].toBase64().toStdString()},
            {"encoding", "base64"},
            {"path", path}};
    }
    model.changed = ++m_version;
    weigh(model);
    makeRoom();
}

void CommBook::weigh(Model &model)
{
    m_bytes -= model.bytes;
    model.bytes = toBytes(model.state).size();
    for (const auto &[path, buffer] : model.buffers)
        model.bytes += qsizetype(buffer["data"].get_ref<const std::string &>().size());
    m_bytes += model.bytes;
}

void CommBook::makeRoom()
{
    while (m_bytes > m_maxBytes) {
        const auto oldest = std::ranges::min_element(
            m_models, {}, [](const auto &entry) { return entry.second.changed; });
        if (m_dropped++ == 0)
            qCWarning(log, "the widgets of a kernel have more than %lld bytes: the oldest go",
                      static_cast<long long>(m_maxBytes));
        m_bytes -= oldest->second.bytes;
        m_models.erase(oldest);
    }
}

/// An Output widget says whose outputs it takes, or that it takes none any more.
void CommBook::follow(const QString &id, const Json &state)
{
    const auto found = m_outputs.find(id);
    const auto messageId = findText(state, "msg_id");
    if (found == m_outputs.end() || !messageId)
        return;
    Output &output = found->second;
    if (const auto before = m_captures.find(output.messageId); before != m_captures.end()) {
        std::erase(*before, id);
        if (before->empty())
            m_captures.erase(before);
    }
    output.messageId = messageId->toUtf8();
    if (!output.messageId.isEmpty())
        m_captures[output.messageId].push_back(id);
}

bool CommBook::capture(const Message &message)
{
    const auto taking = m_captures.constFind(message.parentId());
    static const QList<QByteArray> Types{"stream", "display_data", "execute_result", "error",
                                         "clear_output"};
    if (taking == m_captures.cend() || !Types.contains(message.type()))
        return false;
    const QString &id = taking->back();
    Output &output = m_outputs.at(id);
    output.parent = message.parentHeader;
    // A clearing that is due has cleared nothing yet.
    if (output.collector.apply(message) && !output.collector.state().clearsNext)
        output.isDirty = true;
    return true;
}

std::vector<CommBook::Update> CommBook::takeUpdates()
{
    std::vector<Update> updates;
    for (auto &[id, output] : m_outputs) {
        if (!std::exchange(output.isDirty, false))
            continue;
        if (const auto model = m_models.find(id); model != m_models.end()) {
            model->second.state["outputs"] = output.collector.outputs();
            model->second.changed = ++m_version;
            weigh(model->second);
        }
        updates.push_back({.content = {{"comm_id", id},
                                       {"data",
                                        {{"method", "update"},
                                         {"state", {{"outputs", output.collector.outputs()}}},
                                         {"buffer_paths", Json::array()}}}},
                           .parent = output.parent});
    }
    makeRoom();
    return updates;
}

Json CommBook::widgets() const
{
    if (m_models.empty())
        return nullptr;
    Json states = Json::object();
    for (const auto &[id, model] : m_models) {
        if (!find(model.state, "_model_name"))
            continue;
        Json widget{{"model_name", model.state["_model_name"]},
                    {"model_module", model.state.value("_model_module", Json())},
                    {"model_module_version", model.state.value("_model_module_version", Json())},
                    {"state", model.state}};
        for (const auto &[path, buffer] : model.buffers)
            widget["buffers"].push_back(buffer);
        states[id.toStdString()] = std::move(widget);
    }
    return {
        {WidgetState, {{"state", std::move(states)}, {"version_major", 2}, {"version_minor", 0}}}};
}

}  // namespace celldeck::kernels
