#pragma once

#include <QList>
#include <QString>
#include <QtGlobal>

#include "base/clock.h"
#include "base/result.h"

namespace celldeck::kernels {

/// One process as /proc has it.
struct ProcessLine
{
    qint64 pid = 0;
    QString command;
    Milliseconds cpuTime{0};  ///< of all its threads since it began
    qint64 residentBytes = 0;

    bool operator==(const ProcessLine &) const = default;
};

/// What a kernel and all that it has started take of the machine.
struct ProcessUsage
{
    ProcessLine process;
    int threads = 0;
    QList<ProcessLine> children;  ///< all descendants, and whoever else is in its process group

    [[nodiscard]] Milliseconds cpuTime() const;
    [[nodiscard]] qint64 residentBytes() const;
};

/// Reads /proc once. Fails with NotFound if there is no such process.
[[nodiscard]] Result<ProcessUsage> usageOf(qint64 pid);

/// Whether it is stopped, as by SIGSTOP: it does nothing until it is continued.
[[nodiscard]] bool isStopped(qint64 pid);

/// Its working folder. Fails with NotFound.
[[nodiscard]] Result<QString> workingDirectoryOf(qint64 pid);

}  // namespace celldeck::kernels
