#pragma once

#include <QByteArray>
#include <optional>
#include <vector>

namespace celldeck::notebooks {

/// A place in a JSON text, so that a value can be exchanged and every other byte stay as it is.
struct Span
{
    qsizetype begin = 0;
    qsizetype end = 0;  ///< Behind the last byte

    [[nodiscard]] qsizetype size() const { return end - begin; }
    bool operator==(const Span &) const = default;
};

struct MemberSpan
{
    QByteArray key;  ///< As it means, without its quotes and escapes
    Span name;       ///< With its quotes
    Span value;
};

/// All of these require a text that is valid JSON, and spans that they gave themselves.
[[nodiscard]] Span rootSpan(const QByteArray &text);
[[nodiscard]] std::vector<MemberSpan> members(const QByteArray &text, Span object);
[[nodiscard]] std::vector<Span> elements(const QByteArray &text, Span array);
[[nodiscard]] std::optional<MemberSpan> findMember(const QByteArray &text, Span object,
                                                   const char *key);
/// The last of that name, which counts, as for every JSON parser around.
[[nodiscard]] std::optional<MemberSpan> findMember(const std::vector<MemberSpan> &members,
                                                   const char *key);

/// The white space in front of `at` if nothing else is before it on its line, else nullopt.
[[nodiscard]] std::optional<QByteArray> marginAt(const QByteArray &text, qsizetype at);

}  // namespace celldeck::notebooks
