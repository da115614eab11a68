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

void BareSqlite::makeSchema()
{
    run("BEGIN");
    for (const QStringList &step : storage::migrations()) {
        for (const QString &statement : step)
            run(statement.toUtf8().constData());
    }
    run(QStringLiteral("PRAGMA user_version=%1").arg(storage::currentSchema()).toUtf8());
    run("INSERT INTO notebook(path) VALUES('/home/somebody/notebooks/a.ipynb')");
    run("INSERT INTO terms(kernel) VALUES('python3')");
    run("COMMIT");
}

void BareSqlite::fill(int tasks)
{
    const QString numbers =
        QStringLiteral(
            "WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number"
            " WHERE i < %1) ")
            .arg(tasks);
    // 100 a second, since 2025.
    const auto first = storage::firstIdAt(std::chrono::sys_days{std::chrono::year{2025} / 1 / 1});
    const QStringList statements{
        QStringLiteral("BEGIN"),
        QStringLiteral("INSERT INTO cell(id, notebook, position, code, terms) ") + numbers +
            QStringLiteral("SELECT i, 1, i % 100, 'total_' || i || ' = frame[\"price_' || i ||"
                           " '\"].sum()', 1 FROM number"),
        QStringLiteral("INSERT INTO output(id, value) ") + numbers +
            QStringLiteral("SELECT i, 's' || i || ' is the sum of all prices' FROM number"),
        QStringLiteral(
            "INSERT INTO task(id, state, cell, waited, ran, execution_count, outputs) ") +
            numbers +
            QStringLiteral("SELECT %1 + i * 327680, 2, i, 3, 5, i, i FROM number")
                .arg(first.value()),
        QStringLiteral("COMMIT")};
    for (const QString &statement : statements)
        run(statement.toUtf8().constData());
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
        m_cell = prepare(
            "INSERT INTO cell(id, notebook, position, cell_id, code, terms)"
            " VALUES(?, 1, ?, ?, ?, 1)");
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

std::int64_t BareSqlite::number(const char *sql)
{
    sqlite3_stmt *statement = prepare(sql);
    if (sqlite3_step(statement) != SQLITE_ROW)
        giveUp(QString::fromUtf8(sqlite3_errmsg(m_database)));
    const std::int64_t first = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return first;
}

std::int64_t BareSqlite::readUnfinished()
{
    sqlite3_stmt *statement = prepare(
        "SELECT t.*, c.*, n.path, s.kernel FROM task t JOIN cell c ON c.id = t.cell"
        " JOIN notebook n ON n.id = c.notebook JOIN terms s ON s.id = c.terms"
        " WHERE t.state < 2 ORDER BY t.id");
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
    std::int64_t cell = 1;
    for (const storage::TaskDraft &draft : drafts) {
        all.push_back({.task = task++,
                       .cell = cell++,
                       .position = draft.cellIndex,
                       .cellId = draft.cellId.toStdString(),
                       .code = draft.code.toStdString()});
    }
    return all;
}

}  // namespace celldeck::bench
