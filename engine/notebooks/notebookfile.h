#pragma once

#include "base/json.h"
#include "base/result.h"
#include "notebooks/notebook.h"

namespace celldeck::notebooks {

/// Absolute, symlinks and `..` resolved: the one name of a file. Fails with NotFound or Io.
[[nodiscard]] Result<QString> canonicalPath(const QString &path);

/// Reads and validates. Fails with NotFound, Io (unreadable), InvalidArgument (not JSON, not a
/// notebook, nbformat 3 or newer than 4.5, an invalid cell), TooLarge. Each message names the file,
/// the place and what to do.
[[nodiscard]] Result<Notebook> loadNotebook(const QString &path);

/// The bytes of a notebook file. Fails with NotFound, Io or TooLarge.
[[nodiscard]] Result<QByteArray> readNotebookText(const QString &path);

/// Parses the text of a notebook; `name` is for messages.
[[nodiscard]] Result<Notebook> parseNotebook(const QByteArray &text, const QString &name);

/// `text` with the outputs and execution counts of `results` in place. Bytes outside of what
/// changed are kept as they are; what is written has the file's own indentation, keys sorted, as
/// Jupyter writes it. A cell that cannot be found by its id (or index and source) any more, or
/// whose new outputs no notebook can hold (no list of objects, nested deeper than MaxJsonDepth), is
/// left alone and reported by its index in `missed`. Fails with InvalidArgument (no notebook) or
/// TooLarge.
struct Merge
{
    QByteArray text;
    QList<int> missed;
};
/// `widgets`: the notebook's new `metadata.widgets`, if it has one. `name` is for messages.
[[nodiscard]] Result<Merge> mergeResults(const QByteArray &text, const QList<CellResult> &results,
                                         const std::optional<Json> &widgets = {},
                                         const QString &name = QStringLiteral("the notebook"));

/// The new text: with the kernel's `language_info` in its metadata, if it has none. By that others
/// know how to show code, and what to name a script of it. Fails with InvalidArgument.
[[nodiscard]] Result<QByteArray> withLanguage(const QByteArray &text, const Json &languageInfo);

/// A code cell tagged `injected-parameters` behind the one tagged `parameters` (or first), as
/// papermill does it.
struct Parameters
{
    QString assignments;  ///< The cell's code
    QString cellId;       ///< Of a cell that is not there yet; "": a new one
};
/// The new text, and the id that the cell has in it ("": in this version cells have none).
struct Parameterized
{
    QByteArray text;
    QString cellId;
};
[[nodiscard]] Result<Parameterized> withParameters(const QByteArray &text,
                                                   const Parameters &parameters);

/// Reads `source`, puts the parameters in, merges, and writes to `target` (the same file or
/// another) by temporary file, fsync, rename, fsync of the folder; permissions are kept. Writes
/// nothing if nothing changed and source == target. Where somebody saves the file in between,
/// merges into what they saved; fails with Conflict if that happens again and again. Returns the
/// missed cells.
[[nodiscard]] Result<QList<int>> writeResults(const QString &source, const QString &target,
                                              const QList<CellResult> &results,
                                              const std::optional<Json> &widgets = {},
                                              const std::optional<Parameters> &parameters = {});

/// Whether `writeAtomically` could begin now: nobody wants to know only after an hour's run. Fails
/// with Io.
[[nodiscard]] Result<> checkWritable(const QString &path);

/// Atomic write, as above, of any bytes.
[[nodiscard]] Result<> writeAtomically(const QString &path, const QByteArray &bytes);

}  // namespace celldeck::notebooks
