#pragma once

#include <QList>
#include <QString>

#include "async/waiter.h"
#include "base/clock.h"
#include "storage/audit.h"

namespace celldeck::storage {

class Connection;
class Database;

/// A kernel that works for a notebook: enough to find it again after a crash, and to be sure that
/// it is the same one.
struct KernelRecord
{
    QString notebookPath;
    QString name;            ///< of its kernelspec
    QString connectionFile;  ///< path
    QString session;         ///< what our messages to it call themselves
    qint64 pid = 0;
    quint64 processStarted = 0;  ///< clock ticks after boot: /proc/PID/stat, field 22
    QString boot;                ///< /proc/sys/kernel/random/boot_id
    UtcTime since{};

    /// Nothing runs there any more, and its tasks know: its name tells on which kernel they are to
    /// run.
    [[nodiscard]] bool isLost() const { return pid == 0; }
    bool operator==(const KernelRecord &) const = default;
};

/// The kernels on disk, one a notebook. Owned by the engine. Thread: the one that made it; waiters
/// resolve there, after the commit. Stopping: with its Database.
/// Every call fails with StorageUnavailable when the disk refuses.
class KernelStore final
{
public:
    explicit KernelStore(Database &database) : m_database(database) {}

    [[nodiscard]] Waiter<QList<KernelRecord>> load();
    /// In the place of the one that the notebook had.
    [[nodiscard]] Waiter<> save(KernelRecord kernel, std::optional<AuditNote> note = {});
    [[nodiscard]] Waiter<> remove(QString notebookPath, std::optional<AuditNote> note = {});

private:
    Database &m_database;
};

namespace sql {
/// Called by the writer's jobs.
[[nodiscard]] Result<> forgetKernel(Connection &connection, const QString &notebookPath);
[[nodiscard]] Result<> markKernelLost(Connection &connection, const QString &notebookPath);
}  // namespace sql

}  // namespace celldeck::storage
