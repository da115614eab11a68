#pragma once

#include <sqlite3.h>
#include <string>
#include <vector>

#include "storage/taskrecord.h"

namespace celldeck::bench {

/// SQLite in C and nothing else: what the same rows, with the same settings, cost at least. All
/// values are ready before the time is taken.
class BareSqlite
{
public:
    /// One submission's rows.
    struct Rows
    {
        std::int64_t task;
        std::int64_t cell;
        std::int64_t position;
        std::string cellId;
        std::string code;
    };

    explicit BareSqlite(const QString &file);
    ~BareSqlite();
    BareSqlite(const BareSqlite &) = delete;
    BareSqlite &operator=(const BareSqlite &) = delete;

    void run(const char *sql);
    /// The tables, a notebook and the terms of its cells.
    void makeSchema();
    /// Completed tasks of distinct cells with an output each; in one transaction, not measured.
    void fill(int tasks);
    void insert(const Rows &rows);
    /// The first column of the first row.
    std::int64_t number(const char *sql);
    /// Reads every column of every row that recovery needs; returns the number of rows.
    std::int64_t readUnfinished();

    [[nodiscard]] static std::vector<Rows> rowsOf(const QList<storage::TaskDraft> &drafts);

private:
    sqlite3_stmt *prepare(const char *sql);
    void step(sqlite3_stmt *statement);

    sqlite3 *m_database = nullptr;
    sqlite3_stmt *m_cell = nullptr;
    sqlite3_stmt *m_task = nullptr;
};

}  // namespace celldeck::bench
