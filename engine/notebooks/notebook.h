#pragma once

#include <QByteArray>
#include <QList>
#include <QString>
#include <QStringList>
#include <cstdint>
#include <optional>

namespace celldeck::notebooks {

enum class CellKind { Code, Markdown, Raw };

struct Cell
{
    CellKind kind = CellKind::Code;
    QString id;  ///< "" before nbformat 4.5
    QString source;
    QStringList tags;

    bool operator==(const Cell &) const = default;
};

/// A notebook as read: what the engine needs of it. nbformat 4.0–4.5.
struct Notebook
{
    int minor = 5;       ///< nbformat_minor
    QString kernelName;  ///< metadata.kernelspec.name, or ""
    QString language;    ///< metadata.kernelspec.language or language_info.name, or ""
    QList<Cell> cells;

    bool operator==(const Notebook &) const = default;
};

/// The results of one code cell, to be written back.
struct CellResult
{
    int index = -1;  ///< Where it was when it was submitted
    QString cellId;  ///< Wins over the index where the notebook has ids
    QString source;  ///< The source that ran: a cell that changed since is not overwritten
    std::optional<std::int64_t> executionCount;
    /// A JSON list, as it is in the record: it becomes a tree only where it is written, cell by
    /// cell.
    QByteArray outputs = "[]";
};

}  // namespace celldeck::notebooks
