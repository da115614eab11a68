#pragma once

#include <QString>
#include <QVariant>
#include <functional>
#include <initializer_list>
#include <memory>

#include "base/result.h"

namespace celldeck::storage {

/// A row of a query that is being read. Valid only inside the reader's function.
class Row
{
public:
    virtual ~Row() = default;
    [[nodiscard]] virtual bool isNull(int column) const = 0;
    [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
    [[nodiscard]] virtual QString text(int column) const = 0;
    [[nodiscard]] virtual QByteArray bytes(int column) const = 0;
    [[nodiscard]] virtual QVariant value(int column) const = 0;
};

/// One SQLite connection and its prepared statements, each prepared once. Every call is checked;
/// a failure is StorageUnavailable (or Damaged) with SQLite's words and the statement.
///
/// Thread: the one that opened it, as QtSql demands. Stopping: the destructor closes it.
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
    /// Runs a query and calls `read` for each row; ends the read transaction before it returns.
    Result<> query(const QString &sql, Values values, const std::function<void(const Row &)> &read);
    /// As `query`, for a text that is built anew each time and so is not worth keeping.
    Result<> queryOnce(const QString &sql, const QVariantList &values,
                       const std::function<void(const Row &)> &read);
    /// The first column of the first row; 0 if there is none.
    Result<std::int64_t> number(const QString &sql, Values values = {});

private:
    struct Private;
    explicit Connection(std::unique_ptr<Private> d);
    std::unique_ptr<Private> d;
};

}  // namespace celldeck::storage
