#pragma once

#include "base/json.h"
#include "base/result.h"
#include "notebooks/notebook.h"

namespace celldeck::notebooks {

/// No larger notebook is read or written.
inline constexpr qint64 MaxNotebookBytes = 256LL * 1024 * 1024;

/// The text of a notebook as JSON. Fails with InvalidArgument; `name` is for messages.
[[nodiscard]] Result<Json> notebookJson(const QByteArray &text, const QString &name);

/// What `parseNotebook` gives, of a text that is parsed already.
[[nodiscard]] Result<Notebook> notebookOf(const Json &root, const QString &name);

}  // namespace celldeck::notebooks
