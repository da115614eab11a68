#pragma once

#include <QStringList>
#include <deque>
#include <functional>
#include <memory>

#include "storage/connection.h"
#include "storage/importedtask.h"

class QTemporaryDir;

namespace celldeck::storage {

/// Reads the database of the Python server (its `execution_queue`, CONTRACT.md section 6) in
/// batches: first what has ended, in the order of its rows, then what is pending, in the order of
/// its times. Columns that an older one lacks are empty, others than ours are not looked at. The
/// file is never written to. Times without a zone are UTC, as that server meant them.
///
/// Owned by a command. Blocks. Thread: the one that opened it, as QtSql demands.
class PythonQueue final
{
public:
    /// The path by which our queue knows the notebook that the other server has called so.
    using PathOf = std::function<QString(const QString &path)>;

    struct Batch
    {
        QList<ImportedTask> tasks;
        QList<SkippedTask> skipped;
        bool isLast = false;
    };

    /// Fails with StorageUnavailable: not there, no database, or of something else.
    [[nodiscard]] static Result<PythonQueue> open(const QString &file, PathOf pathOf);
    ~PythonQueue();
    PythonQueue(PythonQueue &&) noexcept;
    PythonQueue &operator=(PythonQueue &&) = delete;

    /// Fails with Damaged or StorageUnavailable where the file cannot be read any further.
    [[nodiscard]] Result<Batch> next();

    /// Leases of assets, which are not taken over: what Celldeck has not made, it never deletes.
    [[nodiscard]] std::int64_t leases() const { return m_leases; }

private:
    explicit PythonQueue(PathOf pathOf);
    Result<> openAt(const QString &file);
    Result<> look(const QString &file);
    Result<> findPending();
    Result<QList<std::int64_t>> endedRows();
    QList<std::int64_t> pendingRows();
    Result<> readRow(std::int64_t rowid, Batch &batch);

    PathOf m_pathOf;
    std::unique_ptr<QTemporaryDir> m_copy;
    std::unique_ptr<Connection> m_connection;
    QStringList m_columns;  ///< of ours, those that it has; NULL in the place of the others
    std::int64_t m_lastRow = 0;
    bool m_endedDone = false;
    std::deque<std::int64_t> m_pending;
    std::int64_t m_leases = 0;
};

}  // namespace celldeck::storage
