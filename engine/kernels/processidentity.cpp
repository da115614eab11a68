#include "kernels/processidentity.h"

#include <QDir>
#include <QFile>
#include <QHash>

namespace celldeck::kernels {

namespace {

QByteArray contentOf(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

}  // namespace

QString currentBoot()
{
    return QString::fromLatin1(
        contentOf(QStringLiteral("/proc/sys/kernel/random/boot_id")).trimmed());
}

std::optional<ProcessIdentity> identityOf(qint64 pid)
{
    const QByteArray stat = contentOf(QStringLiteral("/proc/%1/stat").arg(pid));
    // The second field is the program's name, in parentheses, and may have any character in it.
    const qsizetype afterName = stat.lastIndexOf(')');
    if (afterName < 0)
        return std::nullopt;
    const QList<QByteArray> fields = stat.mid(afterName + 2).split(' ');
    constexpr int State = 0;     // field 3
    constexpr int Started = 19;  // field 22
    if (fields.size() <= Started || fields[State] == "Z" || fields[State] == "X")
        return std::nullopt;
    return ProcessIdentity{
        .pid = pid, .started = fields[Started].toULongLong(), .boot = currentBoot()};
}

QHash<qint64, QString> kernelsStartedFrom(const QString &folder)
{
    QHash<qint64, QString> kernels;
    const QStringList processes =
        QDir(QStringLiteral("/proc")).entryList(QDir::Dirs | QDir::NoDotAndDotDot);
    const QByteArray prefix = QFile::encodeName(QDir(folder).absolutePath()) + "/kernel-";
    for (const QString &process : processes) {
        bool isPid = false;
        const qint64 pid = process.toLongLong(&isPid);
        if (!isPid)
            continue;
        for (const QByteArray &argument :
             contentOf(QStringLiteral("/proc/%1/cmdline").arg(pid)).split('\0')) {
            // As a word of its own, or behind an = as in --file=….
            const qsizetype at = argument.indexOf(prefix);
            if (at >= 0 && argument.endsWith(".json") && (at == 0 || argument[at - 1] == '='))
                kernels.insert(pid, QFile::decodeName(argument.mid(at)));
        }
    }
    return kernels;
}

}  // namespace celldeck::kernels
