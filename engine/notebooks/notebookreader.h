#pragma once

#include "base/json.h"
#include "base/result.h"
#include "notebooks/jsonspans.h"
#include "notebooks/notebook.h"

namespace celldeck::notebooks {

/// No larger notebook is read or written.
inline constexpr qint64 MaxNotebookBytes = 256LL * 1024 * 1024;

/// A notebook's text taken apart. Its outputs, which may be nearly all of it, are looked at but
/// made no trees of: in `root` each of them is an empty object.
struct Parts
{
    Json root;
    Span whole;                       ///< of the root object
    std::vector<MemberSpan> members;  ///< of it
    std::vector<Span> cells;          ///< as many as `root` has
};

/// Fails with InvalidArgument where the text is no JSON; `name` is for messages.
[[nodiscard]] Result<Parts> takeApart(const QByteArray &text, const QString &name);

/// What `parseNotebook` gives, of a text that is taken apart already.
[[nodiscard]] Result<Notebook> notebookOf(const Json &root, const QString &name);

}  // namespace celldeck::notebooks
