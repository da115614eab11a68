#include "kernels/outputcollector.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcOutputs, "celldeck.kernels.outputs", QtInfoMsg)

namespace celldeck::kernels {

namespace {

Json memberOr(const Json &content, const char *key, const Json &fallback)
{
    const Json *member = find(content, key);
    return member && member->type() == fallback.type() ? *member : fallback;
}

Json displayOutput(const QByteArray &type, const Json &content)
{
    Json output = {{"output_type", type.toStdString()},
                   {"data", memberOr(content, "data", Json::object())},
                   {"metadata", memberOr(content, "metadata", Json::object())}};
    if (type == "execute_result") {
        const std::optional<std::int64_t> count = findInt(content, "execution_count");
        output["execution_count"] = count ? Json(*count) : Json();
    }
    return output;
}

Json errorOutput(const Json &content)
{
    return {{"output_type", "error"},
            {"ename", memberOr(content, "ename", "")},
            {"evalue", memberOr(content, "evalue", "")},
            {"traceback", memberOr(content, "traceback", Json::array())}};
}

const std::string ManyOutputs =
    "celldeck: this cell has more than " + std::to_string(MaxSeparateTexts) +
    " outputs: what it prints from here on is one text of each stream\n";

QString displayIdOf(const Json &content)
{
    const Json *transient = find(content, "transient");
    return transient ? textOf(*transient, "display_id") : QString();
}

}  // namespace

OutputCollector::OutputCollector(Json soFar, QString spoolPath, DisplayState state,
                                 QSet<QString> shownBefore)
    : m_outputs(std::move(soFar)),
      m_state(std::move(state)),
      m_shownBefore(std::move(shownBefore)),
      m_spoolPath(std::move(spoolPath))
{
    m_state.places = placesIn(m_outputs, m_state.places);
    if (m_outputs.empty())
        return;
    const Json &last = m_outputs.back();
    const auto name = findText(last, "name");  // Only streams have one.
    const Json *text = find(last, "text");     // A widget's may be a list of lines.
    // What an earlier engine has put into a file is complete.
    if (name && text && text->is_string() && !last.contains("assets"))
        m_growing[name->toStdString()] = {.place = m_outputs.size() - 1};
}

bool OutputCollector::apply(const Message &message)
{
    const QByteArray &type = message.type();
    const Json &content = message.content;
    if (noteLeftOut(message))
        return true;
    if (type == "stream") {
        const Json *name = find(content, "name");
        if (name && name->is_string() && message.longText) {
            appendLong(name->get_ref<const std::string &>(), message.longText);
            return true;
        }
        const Json *text = find(content, "text");
        if (!name || !name->is_string() || !text || !text->is_string()) {
            qCDebug(lcOutputs, "a stream message without name or text");
            return false;
        }
        appendStream(name->get_ref<const std::string &>(), text->get_ref<const std::string &>());
        return true;
    }
    if (type == "error") {
        append(errorOutput(content));
        return true;
    }
    if (type == "clear_output")
        return applyClear(findBool(content, "wait").value_or(false));
    if (type == "update_display_data" || type == "display_data" || type == "execute_result")
        return applyDisplay(message);
    qCDebug(lcOutputs, "%s is no output", type.constData());
    return false;
}

bool OutputCollector::applyDisplay(const Message &message)
{
    const Json output = displayOutput(message.type(), message.content);
    const QString id = displayIdOf(message.content);
    bool changed = false;
    // What is shown again under an id replaces what was shown under it before, as an update does.
    if (!id.isEmpty()) {
        const DisplayContent content{output["data"], output["metadata"]};
        for (const qsizetype place : m_state.places.value(id))
            changed |= showAnew(m_outputs[size_t(place)], content);
        if (m_shownBefore.contains(id)) {
            m_state.updates.insert_or_assign(id, content);
            changed = true;
        }
    }
    if (message.type() == "update_display_data")
        return changed;
    append(output);
    if (!id.isEmpty())
        m_state.places[id].append(qsizetype(m_outputs.size()) - 1);
    return true;
}

bool OutputCollector::applyClear(bool wait)
{
    // What is missing was there before this, and is to go with all that was.
    m_gap.clear();
    if (!wait)
        clear();
    return !wait || !std::exchange(m_state.clearsNext, true);
}

void OutputCollector::note(const QString &line)
{
    appendStream("stderr", line.toStdString() + "\n");
}

void OutputCollector::noteGap(const QString &line)
{
    const bool clears = std::exchange(m_state.clearsNext, false);
    note(line);
    m_state.clearsNext = clears;
    if (clears)
        m_gap = line;
}

bool OutputCollector::noteLeftOut(const Message &message)
{
    if (message.leftOut.isEmpty())
        return false;
    note(QStringLiteral("[celldeck: a message of the kernel was left out here (%1): %2]")
             .arg(QString::fromUtf8(message.type()), message.leftOut));
    return true;
}

void OutputCollector::append(Json output)
{
    if (m_state.clearsNext)
        clear();
    m_outputs.push_back(std::move(output));
    if (!m_joins) {
        describeGrowing();
        for (const auto &[name, growing] : m_growing) {
            if (growing.spool)
                growing.spool->finish();
        }
        m_growing.clear();
    }
}

void OutputCollector::appendStream(const std::string &name, const std::string &text)
{
    grow(growingText(name), text);
}

void OutputCollector::appendLong(const std::string &name, std::shared_ptr<const LongText> text)
{
    GrowingText &growing = growingText(name);
    if (!m_spoolPath.isEmpty())
        spoolOf(growing).append(std::move(text));
    else
        m_outputs[growing.place]["text"].get_ref<std::string &>() += text->view();
}

/// What this stream prints next belongs to it.
OutputCollector::GrowingText &OutputCollector::growingText(const std::string &name)
{
    if (m_state.clearsNext)
        clear();
    if (!m_joins && m_outputs.size() >= MaxSeparateTexts && !m_growing.contains(name)) {
        m_joins = true;
        beginText("stderr", ManyOutputs);
    }
    if (!m_growing.contains(name))
        beginText(name, {});
    return m_growing[name];
}

void OutputCollector::beginText(const std::string &name, const std::string &text)
{
    append({{"output_type", "stream"}, {"name", name}, {"text", text}});
    m_growing[name] = {.place = m_outputs.size() - 1};
}

void OutputCollector::grow(GrowingText &growing, const std::string &text)
{
    if (!growing.spool) {
        std::string &all = m_outputs[growing.place]["text"].get_ref<std::string &>();
        if (m_spoolPath.isEmpty() || all.size() + text.size() <= MaxStreamBytes) {
            all += text;
            return;
        }
    }
    spoolOf(growing).append(text);
}

Spool &OutputCollector::spoolOf(GrowingText &growing)
{
    if (!growing.spool) {
        growing.spool =
            std::make_shared<Spool>(m_spoolPath + QStringLiteral("-%1.txt").arg(m_spooled++));
        m_spools.push_back(growing.spool);
        growing.spool->append(m_outputs[growing.place]["text"].get_ref<const std::string &>());
    }
    return *growing.spool;
}

void OutputCollector::describeGrowing()
{
    for (const auto &[name, growing] : m_growing) {
        if (growing.spool)
            growing.spool->describe(m_outputs[growing.place]);
    }
}

const Json &OutputCollector::outputs()
{
    describeGrowing();
    return m_outputs;
}

Json OutputCollector::takeOutputs()
{
    describeGrowing();
    m_growing.clear();
    return std::move(m_outputs);
}

void OutputCollector::clear()
{
    m_outputs = Json::array();
    m_state.places.clear();
    m_state.clearsNext = false;
    for (const auto &gone : m_spools)
        gone->discard();
    m_spools.clear();
    m_growing.clear();
    m_joins = false;
    if (!m_gap.isEmpty())
        note(std::exchange(m_gap, {}));
}

}  // namespace celldeck::kernels
