#include "ui/models/wording.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QLocale>

namespace celldeck::ui {
namespace {

QString tr(const char *text)
{
    return QCoreApplication::translate("celldeck::ui", text);
}

QDateTime localTime(UtcTime time)
{
    return QDateTime::fromMSecsSinceEpoch(time.time_since_epoch().count());
}

/// "2 min 05 s": the smaller unit in two digits, so that a ticking cell keeps its width.
QString inUnits(qint64 large, const QString &largeUnit, qint64 small, const QString &smallUnit)
{
    return QStringLiteral("%1 %2 %3 %4")
        .arg(large)
        .arg(largeUnit)
        .arg(small, 2, 10, QLatin1Char('0'))
        .arg(smallUnit);
}

}  // namespace

QString wordOf(storage::TaskState state)
{
    switch (state) {
    case storage::TaskState::Pending:
        return tr("Pending");
    case storage::TaskState::Running:
        return tr("Running");
    case storage::TaskState::Completed:
        return tr("Completed");
    case storage::TaskState::Failed:
        return tr("Failed");
    case storage::TaskState::Cancelled:
        return tr("Cancelled");
    case storage::TaskState::TimedOut:
        return tr("Timed out");
    case storage::TaskState::Interrupted:
        return tr("Interrupted");
    }
    return {};
}

QString durationText(Milliseconds duration)
{
    const qint64 ms = duration.count();
    if (ms < 0)
        return {};
    if (ms < 1000)
        return tr("%1 ms").arg(ms);
    if (ms < 60'000)  // Tenths are cut, not rounded: 59.96 s must not become 60.0 s.
        return tr("%1.%2 s").arg(ms / 1000).arg(ms % 1000 / 100);
    const qint64 seconds = ms / 1000;
    if (seconds < 3600)
        return inUnits(seconds / 60, tr("min"), seconds % 60, tr("s"));
    return inUnits(seconds / 3600, tr("h"), seconds % 3600 / 60, tr("min"));
}

QString durationText(const storage::TaskRecord &task, UtcTime now)
{
    if (!task.startedAt)
        return {};
    if (task.finishedAt)
        return durationText(*task.finishedAt - *task.startedAt);
    if (task.state != storage::TaskState::Running)
        return {};
    return durationText(std::max(now - *task.startedAt, Milliseconds::zero()));
}

QString momentText(UtcTime time, QDate today)
{
    const QDateTime local = localTime(time);
    if (local.date() == today)
        return local.toString(QStringLiteral("HH:mm:ss"));
    if (local.date().year() == today.year())
        return QLocale().toString(local, QStringLiteral("d MMM HH:mm"));
    return local.toString(QStringLiteral("yyyy-MM-dd"));
}

QString fullMomentText(UtcTime time)
{
    return localTime(time).toString(QStringLiteral("yyyy-MM-dd HH:mm:ss.zzz"));
}

QString firstLine(const QString &code)
{
    constexpr qsizetype MostShown = 200;  // No column is wider, and layout costs by the character.
    qsizetype from = 0;
    while (from < code.size() && code.at(from).isSpace())
        ++from;
    qsizetype to = code.indexOf(QLatin1Char('\n'), from);
    const bool more = to >= 0 && !QStringView(code).mid(to).trimmed().isEmpty();
    if (to < 0)
        to = code.size();
    const QString line =
        QStringView(code).mid(from, std::min(to - from, MostShown)).trimmed().toString();
    return more ? QString(line + QStringLiteral(" …")) : line;
}

QString fileNameOf(const QString &path)
{
    return path.mid(path.lastIndexOf(QLatin1Char('/')) + 1);
}

QString bytesText(std::int64_t bytes)
{
    return QLocale::c().formattedDataSize(bytes, 1, QLocale::DataSizeSIFormat);
}

}  // namespace celldeck::ui
