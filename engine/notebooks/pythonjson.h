#pragma once

#include <QByteArray>

#include "base/json.h"
#include "notebooks/jsonspans.h"

namespace celldeck::notebooks {

/// How a notebook file is laid out, found in its own text.
struct Layout
{
    bool inLines = true;      ///< One value a line; else all on one line
    QByteArray indent = " ";  ///< of one level
    QByteArray newline = "\n";
    QByteArray colon = ": ";
    QByteArray comma = ", ";  ///< between values on one line

    bool operator==(const Layout &) const = default;
};

/// `members`: of the object that `text` is. Requires: `text` is valid JSON.
[[nodiscard]] Layout layoutOf(const QByteArray &text, const std::vector<MemberSpan> &members);

/// As Python's json.dumps(value, sort_keys=True, indent=…, ensure_ascii=False) writes it, for a
/// place whose line begins with `margin` (the first line itself is not indented). Invalid UTF-8
/// becomes U+FFFD; NaN and infinity, which JSON does not have, null.
[[nodiscard]] QByteArray toPythonJson(const Json &value, const Layout &layout,
                                      const QByteArray &margin = {});

/// Lines as Python's str.splitlines(True) makes them.
[[nodiscard]] Json splitLines(const std::string &text);

/// nbformat's split_lines for one output: long texts become lists of lines.
[[nodiscard]] Json withSplitLines(Json output);

/// A string, or the join of a list of strings; nullopt for anything else.
[[nodiscard]] std::optional<std::string> joinedLines(const Json &value);

/// The opposite of `withSplitLines`: what compares equal where the lists are cut elsewhere.
[[nodiscard]] Json withJoinedLines(Json output);

}  // namespace celldeck::notebooks
