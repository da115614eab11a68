#pragma once

#include <QVariant>
#include <optional>

namespace celldeck::storage {

/// How a task's outputs stand in a row. Most cells print a line or show a value, and of those only
/// the text is kept; everything else is kept as it is. The view `execution_queue` makes the same
/// JSON of it in SQL: a form that is added here is added there too.
///
///     NULL        []
///     TEXT s…     one text on stdout
///     TEXT r…     one execute_result of text/plain, with the execution count of its task
///     BLOB        the JSON itself, in UTF-8
///
/// `json` is a JSON array as `toBytes` writes it.
[[nodiscard]] QVariant outputForm(const QByteArray &json,
                                  std::optional<std::int64_t> executionCount);
/// The same bytes again.
[[nodiscard]] QByteArray outputsOf(const QVariant &form,
                                   std::optional<std::int64_t> executionCount);

}  // namespace celldeck::storage
