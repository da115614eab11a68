#include "storage/databasecopy.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>
#include <QFile>
#include <memory>

namespace celldeck::storage {

namespace {

// 1 MB. What a copy leaves unwritten the file system writes with the next commit of the log, which
// waits for all of it.
constexpr int PagesAtOnce = 256;

void writeOut(const QString &file)
{
    const int fd = ::open(QFile::encodeName(file).constData(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    // Only a matter of when: a disk that refuses is met by the sync at the end.
    (void)::sync_file_range(
        fd, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    ::close(fd);
}

bool run(sqlite3 *database, const char *sql)
{
    return sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

/// A transaction that reads, for as long as it lives.
class Reading
{
public:
    explicit Reading(sqlite3 *database) : m_database(database)
    {
        m_hasBegun = run(database, "BEGIN") && run(database, "SELECT count(*) FROM sqlite_schema");
    }
    ~Reading() { run(m_database, "ROLLBACK"); }
    Reading(const Reading &) = delete;
    Reading &operator=(const Reading &) = delete;

    [[nodiscard]] bool hasBegun() const { return m_hasBegun; }

private:
    sqlite3 *m_database;
    bool m_hasBegun = false;
};

struct Closer
{
    void operator()(sqlite3 *database) const { sqlite3_close(database); }
};

}  // namespace

Result<> copyDatabase(sqlite3 *from, const QString &file)
{
    sqlite3 *opened = nullptr;
    const int code = sqlite3_open(file.toUtf8().constData(), &opened);
    const std::unique_ptr<sqlite3, Closer> to(opened);
    const auto failed = [&file](sqlite3 *database) -> Result<> {
        const bool isDamaged = (sqlite3_errcode(database) & 0xff) == SQLITE_CORRUPT;
        if (isDamaged)
            return fail(ErrorCode::Damaged, QStringLiteral("the database is damaged"));
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("%1 cannot be written (%2)")
                        .arg(file, QString::fromUtf8(sqlite3_errmsg(database))));
    };
    if (code != SQLITE_OK)
        return failed(to.get());
    // Half a copy is thrown away: it needs no journal of its own.
    if (!run(to.get(), "PRAGMA journal_mode=OFF") || !run(to.get(), "PRAGMA synchronous=OFF"))
        return failed(to.get());
    // A read transaction around all steps keeps them at one moment: without it each commit between
    // two of them would make the copy begin anew. It holds up no writer.
    const Reading reading(from);
    if (!reading.hasBegun())
        return failed(from);
    sqlite3_backup *const backup = sqlite3_backup_init(to.get(), "main", from, "main");
    if (!backup)
        return failed(to.get());
    int stepped = SQLITE_OK;
    while (stepped == SQLITE_OK) {
        stepped = sqlite3_backup_step(backup, PagesAtOnce);
        writeOut(file);
    }
    const int finished = sqlite3_backup_finish(backup);
    if (stepped == SQLITE_DONE && finished == SQLITE_OK &&
        run(to.get(), "PRAGMA journal_mode=DELETE"))
        return {};
    return failed(to.get());
}

}  // namespace celldeck::storage
