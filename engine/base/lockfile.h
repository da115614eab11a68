#pragma once

#include <QString>
#include <optional>

#include "base/result.h"

namespace celldeck {

/// One process at a time: a file that is locked by its open descriptor, so that the lock ends with
/// its owner, however that ends, and never outlives it. (QLockFile asks whether a process of the
/// recorded pid and name is there, and takes another Celldeck with that pid for the owner.)
///
/// Thread: any one. Stopping: `unlock`, or the destructor.
class LockFile final
{
public:
    explicit LockFile(QString path) : m_path(std::move(path)) {}
    ~LockFile() { unlock(); }
    LockFile(const LockFile &) = delete;
    LockFile &operator=(const LockFile &) = delete;

    /// Does not wait. Fails with Conflict while another process has it, or Io.
    [[nodiscard]] Result<> lock();
    /// Waits for it, and blocks: for steps at a start that take no time. Fails with Io.
    [[nodiscard]] Result<> waitAndLock();
    void unlock();
    /// The pid of the process that has it, as far as it has told.
    [[nodiscard]] std::optional<qint64> owner() const;

private:
    Result<> take(int flags);

    const QString m_path;
    int m_fd = -1;
};

}  // namespace celldeck
