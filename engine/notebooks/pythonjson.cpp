#include "notebooks/pythonjson.h"

namespace celldeck::notebooks {

namespace {

/// nbformat.v4.rwbase: which texts of a MIME bundle become lists of lines when it writes,
bool isSplit(const std::string &mime)
{
    return mime.starts_with("text/") || mime == "application/javascript" || mime == "image/svg+xml";
}

/// and which lists become texts when it reads.
bool isJoined(const std::string &mime)
{
    return mime != "application/json" &&
           !(mime.starts_with("application/") && mime.ends_with("+json"));
}

/// The length of the line break at `at`, 0 if there is none. str.splitlines knows more of them than
/// \n: the separators \v \f \x1c-\x1e, and U+0085, U+2028, U+2029 in UTF-8.
size_t breakAt(const std::string &text, size_t at)
{
    const char c = text[at];
    if (c == '\r')
        return at + 1 < text.size() && text[at + 1] == '\n' ? 2 : 1;
    if (c == '\n' || c == '\v' || c == '\f' || (c >= '\x1c' && c <= '\x1e'))
        return 1;
    if (text.compare(at, 2, "\xc2\x85") == 0)
        return 2;
    if (text.compare(at, 3, "\xe2\x80\xa8") == 0 || text.compare(at, 3, "\xe2\x80\xa9") == 0)
        return 3;
    return 0;
}

void write(QByteArray &out, const Json &value, const Layout &layout, int depth);

void breakLine(QByteArray &out, const Layout &layout, int depth)
{
    out += layout.newline;
    for (int i = 0; i < depth; ++i)
        out += layout.indent;
}

template <class Container, class WriteOne>
void writeAll(QByteArray &out, const Container &values, char open, char close, const Layout &layout,
              int depth, const WriteOne &writeOne)
{
    out += open;
    bool first = true;
    for (const auto &one : values) {
        const bool inLine = layout.indent.isEmpty();
        if (!first)
            out += inLine ? layout.comma : QByteArray(",");
        if (!inLine)
            breakLine(out, layout, depth + 1);
        writeOne(one);
        first = false;
    }
    if (!first && !layout.indent.isEmpty())
        breakLine(out, layout, depth);
    out += close;
}

QByteArray scalar(const Json &value)
{
    return QByteArray::fromStdString(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void write(QByteArray &out, const Json &value, const Layout &layout, int depth)
{
    if (value.is_object()) {
        writeAll(out, value.items(), '{', '}', layout, depth, [&](const auto &entry) {
            out += scalar(Json(entry.key()));
            out += layout.colon;
            write(out, entry.value(), layout, depth + 1);
        });
    } else if (value.is_array()) {
        writeAll(out, value, '[', ']', layout, depth,
                 [&](const Json &one) { write(out, one, layout, depth + 1); });
    } else {
        out += scalar(value);
    }
}

template <class Change>
Json changeTexts(Json output, bool (*chosen)(const std::string &mime), const Change &change)
{
    if (!output.is_object())
        return output;
    const QString type = textOf(output, "output_type");
    if (type == QLatin1String("stream")) {
        if (const auto text = output.find("text"); text != output.end())
            change(*text);
    } else if (type == QLatin1String("display_data") || type == QLatin1String("execute_result")) {
        const auto data = output.find("data");
        if (data == output.end() || !data->is_object())
            return output;
        for (auto entry = data->begin(); entry != data->end(); ++entry) {
            if (chosen(entry.key()))
                change(*entry);
        }
    }
    return output;
}

}  // namespace

Layout layoutOf(const QByteArray &text)
{
    Layout layout;
    const qsizetype open = text.indexOf('{');
    const qsizetype quote = text.indexOf('"', open);
    if (open < 0 || quote < 0)
        return layout;
    const QByteArray between = text.mid(open + 1, quote - open - 1);
    const qsizetype colon = text.indexOf(':', quote);
    layout.colon = colon >= 0 && colon + 1 < text.size() && text[colon + 1] == ' ' ? ": " : ":";
    const qsizetype lineBreak = between.lastIndexOf('\n');
    if (lineBreak < 0) {
        layout.indent.clear();
        layout.comma = layout.colon == ": " ? ", " : ",";
        return layout;
    }
    layout.newline = lineBreak > 0 && between[lineBreak - 1] == '\r' ? "\r\n" : "\n";
    layout.indent = between.mid(lineBreak + 1);
    return layout;
}

QByteArray toPythonJson(const Json &value, const Layout &layout, int depth)
{
    QByteArray out;
    write(out, value, layout, depth);
    return out;
}

Json splitLines(const std::string &text)
{
    Json lines = Json::array();
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t length = breakAt(text, at);
        at += length == 0 ? 1 : length;
        if (length == 0)
            continue;
        lines.push_back(text.substr(begin, at - begin));
        begin = at;
    }
    if (begin < text.size())
        lines.push_back(text.substr(begin));
    return lines;
}

Json withSplitLines(Json output)
{
    return changeTexts(std::move(output), isSplit, [](Json &text) {
        if (text.is_string())
            text = splitLines(text.get_ref<const std::string &>());
    });
}

std::optional<std::string> joinedLines(const Json &value)
{
    if (value.is_string())
        return value.get<std::string>();
    if (!value.is_array())
        return std::nullopt;
    std::string all;
    for (const Json &line : value) {
        if (!line.is_string())
            return std::nullopt;
        all += line.get_ref<const std::string &>();
    }
    return all;
}

Json withJoinedLines(Json output)
{
    return changeTexts(std::move(output), isJoined, [](Json &text) {
        if (auto joined = joinedLines(text))
            text = std::move(*joined);
    });
}

}  // namespace celldeck::notebooks
