#include "bench/baresqlite.h"

#include "bench/bench.h"
#include "storage/schema.h"

namespace celldeck::bench {

BareSqlite::BareSqlite(const QString &file)
{
    if (sqlite3_open(file.toUtf8().constData(), &m_database) != SQLITE_OK)
        giveUp(QString::fromUtf8(sqlite3_errmsg(m_database)));
    run("PRAGMA auto_vacuum=INCREMENTAL");
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA wal_autocheckpoint=256");
    run("PRAGMA journal_size_limit=16777216");
}

BareSqlite::~BareSqlite()
{
    sqlite3_finalize(m_cell);
    sqlite3_finalize(m_task);
    sqlite3_close(m_database);
}

void BareSqlite::run(const char *sql)
{
    if (sqlite3_exec(m_database, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
        giveUp(QString::fromUtf8(sqlite3_errmsg(m_database)));
}

sqlite3_stmt *BareSqlite::prepare(const char *sql)
{
    sqlite3_stmt *statement = nullptr;
    if (sqlite3_prepare_v3(m_database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) !=
        SQLITE_OK)
        giveUp(QString::fromUtf8(sqlite3_errmsg(m_database)));
    return statement;
}

void BareSqlite::step(sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        giveUp(QString::fromUtf8(sqlite3_errmsg(m_database)));
    sqlite3_reset(statement);
}

void BareSqlite::insert(const Rows &rows)
{
    if (!m_cell) {
        m_cell = prepare("INSERT INTO cell(id, notebook, position, cell_id, code, kernel)"
                         " VALUES(?, 1, ?, ?, ?, 'python3')");
        m_task = prepare("INSERT INTO task(id, state, cell) VALUES(?, 0, ?)");
    }
    sqlite3_bind_int64(m_cell, 1, rows.cell);
    sqlite3_bind_int64(m_cell, 2, rows.position);
    sqlite3_bind_text(m_cell, 3, rows.cellId.data(), int(rows.cellId.size()), SQLITE_STATIC);
    sqlite3_bind_text(m_cell, 4, rows.code.data(), int(rows.code.size()), SQLITE_STATIC);
    step(m_cell);
    sqlite3_bind_int64(m_task, 1, rows.task);
    sqlite3_bind_int64(m_task, 2, rows.cell);
    step(m_task);
}

std::int64_t BareSqlite::readUnfinished()
{
    sqlite3_stmt *statement = prepare(
        "SELECT t.*, c.*, n.path FROM task t JOIN cell c ON c.id = t.cell"
        " JOIN notebook n ON n.id = c.notebook WHERE t.state < 2 ORDER BY t.id");
    std::int64_t rows = 0;
    std::int64_t bytes = 0;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int column = 0; column < sqlite3_column_count(statement); ++column) {
            if (sqlite3_column_type(statement, column) == SQLITE_INTEGER)
                bytes += sqlite3_column_int64(statement, column) != 0 ? 1 : 0;
            else if (const unsigned char *text = sqlite3_column_text(statement, column))
                bytes += *text != 0 ? sqlite3_column_bytes(statement, column) : 0;
        }
        ++rows;
    }
    sqlite3_finalize(statement);
    return bytes > 0 ? rows : 0;
}

std::vector<BareSqlite::Rows> BareSqlite::rowsOf(const QList<storage::TaskDraft> &drafts)
{
    std::vector<Rows> all;
    std::int64_t task = storage::firstIdAt(SystemClock().now()).value();
    std::uint64_t cell = 0;
    for (const storage::TaskDraft &draft : drafts) {
        // As spread as hashes are.
        cell += 0x9e3779b97f4a7c15;
        all.push_back({.task = task++,
                       .cell = std::int64_t(cell >> 17U),
                       .position = draft.cellIndex,
                       .cellId = draft.cellId.toStdString(),
                       .code = draft.code.toStdString()});
    }
    return all;
}

}  // namespace celldeck::bench
