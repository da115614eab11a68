#include "kernels/processusage.h"

#include <unistd.h>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <map>
#include <optional>
#include <set>

namespace celldeck::kernels {

namespace {

struct Stat
{
    ProcessLine line;
    qint64 parent = 0;
    qint64 group = 0;
    int threads = 0;
    bool isStopped = false;
};

/// proc(5), /proc/PID/stat; field 2 may have spaces and parentheses in it.
std::optional<Stat> readStat(qint64 pid)
{
    QFile file(QStringLiteral("/proc/%1/stat").arg(pid));
    if (!file.open(QIODevice::ReadOnly))
        return std::nullopt;  // It has just ended.
    const QByteArray text = file.readAll();
    const qsizetype open = text.indexOf('(');
    const qsizetype close = text.lastIndexOf(')');
    if (open < 0 || close < open)
        return std::nullopt;
    // What follows begins with field 3.
    const QList<QByteArray> fields = text.mid(close + 2).split(' ');
    const auto number = [&fields](int field) { return fields.value(field - 3).toLongLong(); };
    static const qint64 ticks = ::sysconf(_SC_CLK_TCK);
    static const qint64 page = ::sysconf(_SC_PAGESIZE);
    Stat stat;
    stat.line.pid = pid;
    stat.line.command = QString::fromUtf8(text.mid(open + 1, close - open - 1));
    stat.line.cpuTime = Milliseconds((number(14) + number(15)) * 1'000 / ticks);
    stat.line.residentBytes = number(24) * page;
    stat.parent = number(4);
    stat.group = number(5);
    stat.threads = int(number(20));
    stat.isStopped = fields.value(0) == "T" || fields.value(0) == "t";
    return stat;
}

}  // namespace

bool isStopped(qint64 pid)
{
    const auto stat = readStat(pid);
    return stat && stat->isStopped;
}

Milliseconds ProcessUsage::cpuTime() const
{
    Milliseconds sum = process.cpuTime;
    for (const ProcessLine &child : children)
        sum += child.cpuTime;
    return sum;
}

qint64 ProcessUsage::residentBytes() const
{
    qint64 sum = process.residentBytes;
    for (const ProcessLine &child : children)
        sum += child.residentBytes;
    return sum;
}

Result<ProcessUsage> usageOf(qint64 pid)
{
    const std::optional<Stat> own = pid > 0 ? readStat(pid) : std::nullopt;
    if (!own)
        return fail(ErrorCode::NotFound, QStringLiteral("there is no process %1").arg(pid));
    std::map<qint64, Stat> others;
    const QStringList folders = QDir(QStringLiteral("/proc")).entryList(QDir::Dirs);
    for (const QString &folder : folders) {
        bool isPid = false;
        const qint64 other = folder.toLongLong(&isPid);
        if (!isPid || other == pid)
            continue;
        if (auto stat = readStat(other))
            others.emplace(other, std::move(*stat));
    }
    const auto isOurs = [&](const Stat &stat) {
        if (stat.group == pid)
            return true;
        std::set<qint64> seen;  // The list is no snapshot: parents may go round.
        for (qint64 at = stat.parent; at > 1 && seen.insert(at).second;) {
            if (at == pid)
                return true;
            const auto parent = others.find(at);
            at = parent == others.end() ? 0 : parent->second.parent;
        }
        return false;
    };
    ProcessUsage usage{.process = own->line, .threads = own->threads, .children = {}};
    for (const auto &[other, stat] : others) {
        if (isOurs(stat))
            usage.children.append(stat.line);
    }
    return usage;
}

Result<QString> workingDirectoryOf(qint64 pid)
{
    const QString folder = QFile::symLinkTarget(QStringLiteral("/proc/%1/cwd").arg(pid));
    if (folder.isEmpty())
        return fail(ErrorCode::NotFound, QStringLiteral("there is no process %1").arg(pid));
    return folder;
}

}  // namespace celldeck::kernels
