#pragma once

#include <QByteArrayView>
#include <QString>
#include <QVariant>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>

#include "base/result.h"

struct sqlite3_stmt;

namespace celldeck::storage {

/// A row of a query that is being read. Valid only inside the reader's function.
class Row final
{
public:
    explicit Row(sqlite3_stmt *statement) : m_statement(statement) {}
    [[nodiscard]] bool isNull(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] QString text(int column) const;
    /// The text as it is stored, in UTF-8. Valid until the next row.
    [[nodiscard]] QByteArrayView utf8(int column) const;
    [[nodiscard]] QByteArray bytes(int column) const;
    [[nodiscard]] QVariant value(int column) const;

private:
    sqlite3_stmt *m_statement;
};

/// One SQLite connection and its prepared statements, each prepared once. Every call is checked;
/// a failure is StorageUnavailable (or Damaged) with SQLite's words and the statement.
///
/// SQLite's own interface and not Qt Sql's: that one's QVariants took as long as the statements of
/// a submission themselves, and made a durable submission too slow beside bare SQLite (issue 3).
///
/// Thread: one at a time. Stopping: the destructor closes it.
class Connection final
{
public:
    enum class Mode { Write, Read };

    /// Write: creates the file if there is none; WAL with synchronous=FULL. Fails with
    /// StorageUnavailable.
    [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const QString &file, Mode mode);
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    using Values = std::initializer_list<QVariant>;

    /// Runs a statement; returns the number of rows it changed.
    Result<int> run(const QString &sql, Values values = {});
    /// Runs an INSERT of one row; returns the row's id.
    Result<std::int64_t> insert(const QString &sql, Values values);
    /// Runs a query and calls `read` for each row; ends the read transaction before it returns.
    Result<> query(const QString &sql, Values values, const std::function<void(const Row &)> &read);
    /// As `query`, for a text that is built anew each time and so is not worth keeping.
    Result<> queryOnce(const QString &sql, const QVariantList &values,
                       const std::function<void(const Row &)> &read);
    /// How long the log (WAL) was after the last commit here.
    [[nodiscard]] std::int64_t logPages() const;
    /// Moves as much of the log into the database file as no reader needs: and if that is all of
    /// it, the log begins anew. Waits for nobody. Returns how many pages are left in the log.
    Result<std::int64_t> checkpoint();
    /// From now on only `checkpoint` does that, and no commit waits for it.
    void stopAutomaticCheckpoints();
    /// Makes the log's file so long, with nothing in it, that commits need not make it grow: an
    /// fsync of blocks that exist takes half of one of blocks that the file grows by. Fails with
    /// StorageUnavailable; then the log is as good as before. Requires: this is the one that
    /// writes.
    enum class Sync { Now, WithNextCommit };
    Result<> layOutLog(std::int64_t pages, Sync sync);
    /// Copies the database as it is at this moment into a new file, page by page: one file, without
    /// a WAL. Nobody waits for it, but the log cannot begin anew meanwhile. Not synced. Fails with
    /// StorageUnavailable, or Damaged.
    Result<> copyTo(const QString &file);
    /// What the database holds; less than its file if that has room to give back.
    Result<std::int64_t> usedBytes();

    /// The first column of the first row; 0 if there is none.
    Result<std::int64_t> number(const QString &sql, Values values = {});

    /// What a statement since the last call has met that is no fault of its own: StorageUnavailable
    /// if the disk has refused, Damaged.
    [[nodiscard]] std::optional<Error> takeFault();

private:
    struct Private;
    explicit Connection(std::unique_ptr<Private> d);
    std::unique_ptr<Private> d;
};

}  // namespace celldeck::storage
