#include "notebooks/jsonspans.h"

#include <algorithm>

#include "base/json.h"

namespace celldeck::notebooks {

namespace {

bool isSpace(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

qsizetype skipSpace(const QByteArray &text, qsizetype at)
{
    while (at < text.size() && isSpace(text[at]))
        ++at;
    return at;
}

qsizetype skipString(const QByteArray &text, qsizetype at)
{
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\')
            ++at;
    }
    return at + 1;
}

/// Behind the value that begins at `at`.
qsizetype skipValue(const QByteArray &text, qsizetype at)
{
    int depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skipString(text, at);
        } else if (c == '{' || c == '[') {
            ++depth;
            ++at;
        } else if (c == '}' || c == ']') {
            --depth;
            ++at;
        } else if (depth == 0) {
            while (at < text.size() && !isSpace(text[at]) && text[at] != ',' && text[at] != '}' &&
                   text[at] != ']')
                ++at;
        } else {
            ++at;
        }
        if (depth == 0)
            return at;
    }
    return at;
}

QByteArray keyOf(const QByteArray &text, Span name)
{
    QByteArray raw = text.mid(name.begin + 1, name.size() - 2);
    if (!raw.contains('\\'))
        return raw;
    // "output\u0073" is "outputs" to whoever parses the file, so it has to be here.
    const auto parsed = parseJson(text.mid(name.begin, name.size()));
    return parsed && parsed->is_string() ? QByteArray::fromStdString(parsed->get<std::string>())
                                         : raw;
}

}  // namespace

Span rootSpan(const QByteArray &text)
{
    const qsizetype start = skipSpace(text, text.startsWith("\xef\xbb\xbf") ? 3 : 0);
    return {start, skipValue(text, start)};
}

std::vector<MemberSpan> members(const QByteArray &text, Span object)
{
    std::vector<MemberSpan> found;
    qsizetype at = skipSpace(text, object.begin + 1);
    while (at < object.end && text[at] == '"') {
        MemberSpan one;
        one.name = {at, skipString(text, at)};
        one.key = keyOf(text, one.name);
        at = skipSpace(text, one.name.end);  // the colon
        at = skipSpace(text, at + 1);
        one.value = {at, skipValue(text, at)};
        at = skipSpace(text, one.value.end);
        found.push_back(std::move(one));
        if (at < object.end && text[at] == ',')
            at = skipSpace(text, at + 1);
    }
    return found;
}

std::vector<Span> elements(const QByteArray &text, Span array)
{
    std::vector<Span> found;
    qsizetype at = skipSpace(text, array.begin + 1);
    while (at < array.end - 1) {
        const Span one{at, skipValue(text, at)};
        found.push_back(one);
        at = skipSpace(text, one.end);
        if (at < array.end && text[at] == ',')
            at = skipSpace(text, at + 1);
    }
    return found;
}

std::optional<MemberSpan> findMember(const QByteArray &text, Span object, const char *key)
{
    return findMember(members(text, object), key);
}

std::optional<MemberSpan> findMember(const std::vector<MemberSpan> &members, const char *key)
{
    const auto found = std::find_if(members.rbegin(), members.rend(),
                                    [key](const MemberSpan &one) { return one.key == key; });
    return found == members.rend() ? std::nullopt : std::optional(*found);
}

std::optional<QByteArray> marginAt(const QByteArray &text, qsizetype at)
{
    qsizetype begin = at;
    while (begin > 0 && (text[begin - 1] == ' ' || text[begin - 1] == '\t'))
        --begin;
    if (begin == 0 || text[begin - 1] != '\n')
        return std::nullopt;
    return text.mid(begin, at - begin);
}

}  // namespace celldeck::notebooks
