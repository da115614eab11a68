#include "notebooks/jsonspans.h"

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
        one.key = text.mid(one.name.begin + 1, one.name.size() - 2);
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

std::optional<Span> member(const QByteArray &text, Span object, const char *key)
{
    std::optional<Span> found;
    // The last of two with the same name counts, as for every JSON parser around.
    for (const MemberSpan &one : members(text, object)) {
        if (one.key == key)
            found = one.value;
    }
    return found;
}

}  // namespace celldeck::notebooks
