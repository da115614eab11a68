#pragma once

#include <QHash>
#include <optional>

#include "storage/connection.h"
#include "storage/taskrecord.h"

namespace celldeck::storage {

/// What a row of `terms` has.
struct Terms
{
    QString kernel;
    int flags = 0;
    std::int64_t limit = -1;  ///< ms; -1: none

    bool operator==(const Terms &) const = default;
};
[[nodiscard]] size_t qHash(const Terms &terms, size_t seed = 0) noexcept;

/// Which rows probably hold the contents that were seen last, by a hash of the content: whether one
/// does is for its reader to see. Two generations of a bounded number each, of which the older one
/// is dropped when the younger is full.
class SeenRows
{
public:
    [[nodiscard]] std::optional<std::int64_t> find(size_t hash);
    void add(size_t hash, std::int64_t row);
    void clear();

private:
    QHash<size_t, std::int64_t> m_young;
    QHash<size_t, std::int64_t> m_old;
};

/// The last rows at some moment.
struct StoredRows
{
    std::int64_t cells = 0;
    std::int64_t outputs = 0;
};

/// Stores cells and outputs once each: a content that was stored before, and is among those seen
/// last, gets the row it has. Which those are is known in memory, and read anew at the first use
/// after a start: an index on disk would cost each of 100,000 tasks more (24 bytes a content)
/// than such a repetition does (85 bytes, once a start, until its task is cleaned up). Memory has
/// their hashes only: a row found by one is read, and taken if it is what is to be stored.
///
/// Touched by the writer's jobs only.
class Contents
{
public:
    /// All is read anew at the next use: after a rollback some rows may not be there.
    void reread() { m_isLoaded = false; }

    /// The row of a draft's cell, made if need be.
    [[nodiscard]] Result<std::int64_t> cell(Connection &connection, std::int64_t notebook,
                                            const TaskDraft &draft);
    /// What a task's column `outputs` is to hold.
    [[nodiscard]] Result<QVariant> outputs(Connection &connection, const QByteArray &json,
                                           std::optional<std::int64_t> executionCount);

    /// What is stored now gets no further tasks until `endSweep`: so that what no task needs can
    /// be looked for outside the writer, and then be removed.
    Result<StoredRows> beginSweep(Connection &connection);
    void endSweep();

private:
    Result<> load(Connection &connection);
    Result<> loadCells(Connection &connection);
    Result<> loadOutputs(Connection &connection);
    Result<QVariant> terms(Connection &connection, const TaskDraft &draft);

    bool m_isLoaded = false;
    StoredRows m_swept;
    SeenRows m_cells;
    SeenRows m_outputs;
    QHash<Terms, std::int64_t> m_terms;
};

}  // namespace celldeck::storage
