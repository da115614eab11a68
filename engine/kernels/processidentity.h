#pragma once

#include <QHash>
#include <QString>
#include <optional>

namespace celldeck::kernels {

/// One process of one boot of this machine. A pid alone names another process some day.
struct ProcessIdentity
{
    qint64 pid = 0;
    quint64 started = 0;  ///< clock ticks after boot: /proc/PID/stat, field 22
    QString boot;         ///< /proc/sys/kernel/random/boot_id

    bool operator==(const ProcessIdentity &) const = default;
};

/// Of this machine: another one each time that it starts.
[[nodiscard]] QString currentBoot();

/// nullopt: there is no such process, or it has ended and nobody has asked for its exit code yet.
[[nodiscard]] std::optional<ProcessIdentity> identityOf(qint64 pid);

/// Processes whose command line has an argument that is a file `kernel-….json` of `folder`, with
/// that file: kernels that were started from there, whoever is their parent now.
[[nodiscard]] QHash<qint64, QString> kernelsStartedFrom(const QString &folder);

}  // namespace celldeck::kernels
