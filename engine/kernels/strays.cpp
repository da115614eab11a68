#include "kernels/strays.h"

#include <unistd.h>
#include <QDir>
#include <csignal>

#include "kernels/processidentity.h"

namespace celldeck::kernels {

int endStrays(const QString &folder, const QSet<QString> &known)
{
    int ended = 0;
    const QHash<qint64, QString> started = kernelsStartedFrom(folder);
    for (const auto &[pid, file] : started.asKeyValueRange()) {
        const auto process = static_cast<pid_t>(pid);
        // Only the leader of its group is the kernel; what it has started goes with it.
        if (known.contains(file) || ::getpgid(process) != process)
            continue;
        ::kill(-process, SIGKILL);
        ++ended;
    }
    QDir runtime(folder);
    const QStringList files = runtime.entryList(
        {QStringLiteral("kernel-*.json"), QStringLiteral("kernel-*.json.stderr")}, QDir::Files);
    for (const QString &file : files) {
        QString connectionFile = runtime.absoluteFilePath(file);
        if (connectionFile.endsWith(QLatin1String(".stderr")))
            connectionFile.chop(7);
        if (!known.contains(connectionFile))
            runtime.remove(file);
    }
    return ended;
}

}  // namespace celldeck::kernels
