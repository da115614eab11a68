#include "storage/kernelstore.h"

#include "storage/auditsql.h"
#include "storage/database.h"
#include "storage/notebookrow.h"

namespace celldeck::storage {

Waiter<QList<KernelRecord>> KernelStore::load()
{
    return m_database.read<QList<KernelRecord>>(
        [](Connection &connection) -> Result<QList<KernelRecord>> {
            QList<KernelRecord> kernels;
            const Result<> read = connection.query(
                QStringLiteral("SELECT n.path, k.name, k.connection_file, k.session, k.pid,"
                               " k.started, k.boot, k.since"
                               " FROM kernel k JOIN notebook n ON n.id = k.notebook"),
                {}, [&kernels](const Row &row) {
                    kernels.append({.notebookPath = row.text(0),
                                    .name = row.text(1),
                                    .connectionFile = row.text(2),
                                    .session = row.text(3),
                                    .pid = row.integer(4),
                                    .processStarted = static_cast<quint64>(row.integer(5)),
                                    .boot = row.text(6),
                                    .since = UtcTime(Milliseconds(row.integer(7)))});
                });
            if (!read)
                return fail(read.error());
            return kernels;
        });
}

Waiter<> KernelStore::save(KernelRecord kernel, std::optional<AuditNote> note)
{
    return m_database.write<void>(
        [kernel = std::move(kernel), note = std::move(note)](Connection &connection) -> Result<> {
            const auto notebook = notebookRow(connection, kernel.notebookPath);
            if (!notebook)
                return fail(notebook.error());
            const auto done = connection.run(
                QStringLiteral("INSERT OR REPLACE INTO kernel(notebook, name, connection_file,"
                               " session, pid, started, boot, since)"
                               " VALUES(?, ?, ?, ?, ?, ?, ?, ?)"),
                {qlonglong(*notebook), kernel.name, kernel.connectionFile, kernel.session,
                 kernel.pid, qlonglong(kernel.processStarted), kernel.boot,
                 qlonglong(kernel.since.time_since_epoch().count())});
            if (!done)
                return fail(done.error());
            return note ? sql::record(connection, *note) : Result<>();
        });
}

Waiter<> KernelStore::remove(QString notebookPath, std::optional<AuditNote> note)
{
    return m_database.write<void>([path = std::move(notebookPath),
                                   note = std::move(note)](Connection &connection) -> Result<> {
        const Result<> forgotten = sql::forgetKernel(connection, path);
        return forgotten && note ? sql::record(connection, *note) : forgotten;
    });
}

namespace {

Result<> runForNotebook(Connection &connection, const QString &statement, const QString &path)
{
    const auto done = connection.run(
        statement + QStringLiteral(" WHERE notebook = (SELECT id FROM notebook WHERE path = ?)"),
        {path});
    if (!done)
        return fail(done.error());
    return {};
}

}  // namespace

Result<> sql::forgetKernel(Connection &connection, const QString &notebookPath)
{
    return runForNotebook(connection, QStringLiteral("DELETE FROM kernel"), notebookPath);
}

Result<> sql::markKernelLost(Connection &connection, const QString &notebookPath)
{
    return runForNotebook(connection, QStringLiteral("UPDATE kernel SET pid = 0, started = 0"),
                          notebookPath);
}

}  // namespace celldeck::storage
