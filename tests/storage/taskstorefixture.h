#pragma once

#include <QProcess>

#include "storage/database.h"
#include "storage/taskstore.h"

/// Shared by the tests of TaskStore.
namespace celldeck::test {

using storage::Database;
using storage::QueueLimits;
using storage::TaskDraft;
using storage::TaskStore;

inline constexpr UtcTime Start = std::chrono::sys_days{std::chrono::year{2026} / 11 / 24};

inline TaskDraft draft(const QString &code = QStringLiteral("print(1)"), int cell = 0)
{
    TaskDraft made;
    made.notebookPath = QStringLiteral("/n/a.ipynb");
    made.cellIndex = cell;
    made.code = code;
    return made;
}

struct Fixture
{
    explicit Fixture(const QString &folder, QueueLimits limits = {})
        : database(folder + QStringLiteral("/sessions/state.db")), store(database, limits)
    {
        opened = database.open();
    }
    Database database;
    TaskStore store;
    Result<> opened;
};

inline QByteArray printed(const QByteArray &text)
{
    return R"([{"name":"stdout","output_type":"stream","text":")" + text + R"("}])";
}

inline QString sqlite(const QString &file, const QString &sql)
{
    QProcess process;
    process.start(QStringLiteral("sqlite3"), {file, sql});
    process.waitForFinished();
    return QString::fromUtf8(process.readAllStandardOutput()).trimmed();
}

}  // namespace celldeck::test
