#include "notebooks/pythonjson.h"

#include <array>
#include <charconv>
#include <cmath>

#include "notebooks/jsonspans.h"

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

/// Python's repr(float): the fewest digits that read back as the same number, with an exponent
/// below 1e-4 and from 1e16 on (CPython, float_repr_style "short").
QByteArray pythonFloat(double number)
{
    std::array<char, 32> buffer;
    const auto done = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                    std::chars_format::scientific);
    QByteArray text(buffer.data(), done.ptr - buffer.data());
    const qsizetype e = text.indexOf('e');
    const int exponent = text.mid(e + 1).toInt();
    const QByteArray sign = text.startsWith('-') ? "-" : "";
    QByteArray digits = text.left(e).remove(0, sign.size()).replace(".", "");
    if (exponent < -4 || exponent >= 16)
        return text;
    if (exponent < 0)
        return sign + "0." + QByteArray(-exponent - 1, '0') + digits;
    const int whole = exponent + 1;
    if (digits.size() <= whole)
        return sign + digits.leftJustified(whole, '0') + ".0";
    return sign + digits.insert(whole, '.');
}

QByteArray scalar(const Json &value)
{
    if (value.is_number_float() && std::isfinite(value.get<double>()))
        return pythonFloat(value.get<double>());
    return QByteArray::fromStdString(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// Writes one value; a level deeper, its margin is longer by one indent.
class Writer
{
public:
    explicit Writer(const Layout &layout) : m_layout(layout) {}

    [[nodiscard]] const QByteArray &text() const { return m_out; }

    void write(const Json &value, const QByteArray &margin)
    {
        const QByteArray inner = margin + m_layout.indent;
        if (value.is_object()) {
            writeAll(value.items(), '{', '}', margin, [&](const auto &entry) {
                m_out += scalar(Json(entry.key())) + m_layout.colon;
                write(entry.value(), inner);
            });
        } else if (value.is_array()) {
            writeAll(value, '[', ']', margin, [&](const Json &one) { write(one, inner); });
        } else {
            m_out += scalar(value);
        }
    }

private:
    template <class Container, class WriteOne>
    void writeAll(const Container &values, char open, char close, const QByteArray &margin,
                  const WriteOne &writeOne)
    {
        m_out += open;
        bool first = true;
        for (const auto &one : values) {
            if (!first)
                m_out += m_layout.inLines ? QByteArray(",") : m_layout.comma;
            if (m_layout.inLines)
                m_out += m_layout.newline + margin + m_layout.indent;
            writeOne(one);
            first = false;
        }
        if (!first && m_layout.inLines)
            m_out += m_layout.newline + margin;
        m_out += close;
    }

    const Layout &m_layout;
    QByteArray m_out;
};

/// What stands between two values, unless a line ends there.
void takeGap(QByteArray &gap, const QByteArray &text, qsizetype begin, qsizetype end)
{
    const QByteArray between = text.mid(begin, end - begin);
    if (!between.contains('\n') && !between.contains('\r'))
        gap = between;
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

Layout layoutOf(const QByteArray &text, const std::vector<MemberSpan> &members)
{
    Layout layout;
    if (members.empty())
        return layout;
    const MemberSpan &first = members.front();
    takeGap(layout.colon, text, first.name.end, first.value.begin);
    const auto rootMargin = marginAt(text, first.name.begin);
    layout.inLines = rootMargin.has_value();
    if (!layout.inLines) {
        layout.indent.clear();
        layout.comma = layout.colon == ":" ? "," : ", ";
        if (members.size() > 1)
            takeGap(layout.comma, text, first.value.end, members[1].name.begin);
        return layout;
    }
    const qsizetype lineBreak = first.name.begin - rootMargin->size() - 1;
    layout.newline = lineBreak > 0 && text[lineBreak - 1] == '\r' ? "\r\n" : "\n";
    layout.indent = *rootMargin;
    // A notebook that was pasted into an indented text has another margin than indent: the step
    // from "cells" to its first cell tells them apart.
    for (const MemberSpan &one : members) {
        const qsizetype cell = text.indexOf('{', one.value.begin);
        if (one.key != "cells" || cell < 0 || cell >= one.value.end)
            continue;
        const auto outer = marginAt(text, one.name.begin);
        const auto inner = marginAt(text, cell);
        if (outer && inner && inner->size() > outer->size() && inner->startsWith(*outer))
            layout.indent = inner->mid(outer->size());
    }
    return layout;
}

QByteArray toPythonJson(const Json &value, const Layout &layout, const QByteArray &margin)
{
    Writer writer(layout);
    writer.write(value, margin);
    return writer.text();
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
