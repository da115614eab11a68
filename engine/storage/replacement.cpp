#include "storage/replacement.h"

#include <fcntl.h>
#include <unistd.h>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <cstdio>

#include "base/crashpoint.h"

namespace celldeck::storage {

namespace {

const char *const Companions[] = {"-wal", "-shm", DamageMark};

// The new one waits under this name; what follows it is the name under which the old one goes.
const QString Next = QStringLiteral(".next-");

/// Its bytes and its name are on the disk. Fails with Io.
Result<> sync(const QString &path)
{
    const int fd = ::open(QFile::encodeName(path).constData(), O_RDONLY | O_CLOEXEC);
    const bool synced = fd >= 0 && ::fsync(fd) == 0;
    const int reason = errno;
    if (fd >= 0)
        ::close(fd);
    if (synced)
        return {};
    return fail(ErrorCode::Io, QStringLiteral("%1: %2").arg(path, qt_error_string(reason)));
}

Result<> publishAs(const QString &part, const QString &target, unsigned flags)
{
    if (const Result<> synced = sync(part); !synced)
        return synced;
    if (::renameat2(AT_FDCWD, QFile::encodeName(part).constData(), AT_FDCWD,
                    QFile::encodeName(target).constData(), flags) != 0)
        return fail(errno == EEXIST ? ErrorCode::Conflict : ErrorCode::Io,
                    QStringLiteral("%1 cannot be written: %2").arg(target, qt_error_string(errno)));
    return sync(QFileInfo(target).absolutePath());
}

QString nameAside(const QString &why)
{
    return QStringLiteral("%1-%2").arg(
        why, QDateTime::currentDateTimeUtc().toString(QStringLiteral("yyyyMMdd-HHmmss-zzz")));
}

Result<> move(const QString &file, const QString &aside)
{
    const auto failed = [](const QString &name) {
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("%1 cannot be moved aside").arg(name));
    };
    // The log first: beside a database that is not its own it could be taken for that one's.
    for (const char *const companion : Companions) {
        const QString from = file + QString::fromLatin1(companion);
        const QString to = aside + QString::fromLatin1(companion);
        if (!QFile::exists(from))
            continue;
        // Moved before a crash already: this one is of a reader that came since.
        if (QFile::exists(to) ? !QFile::remove(from) : !QFile::rename(from, to))
            return failed(from);
        crashPoint("replacement.log_aside");
    }
    if (QFile::exists(file) && !QFile::rename(file, aside))
        return failed(file);
    crashPoint("replacement.old_aside");
    return sync(QFileInfo(file).absolutePath());
}

/// `next`: the file that `replace` has published, which says what is still to be done.
Result<QString> finish(const QString &file, const QString &next)
{
    const QString aside = file + QLatin1Char('.') + next.mid(file.size() + Next.size());
    if (const Result<> moved = move(file, aside); !moved)
        return fail(moved.error());
    if (const Result<> published = publish(next, file); !published)
        return fail(published.error());
    crashPoint("replacement.done");
    return QFile::exists(aside) ? aside : QString();
}

}  // namespace

Result<> publish(const QString &part, const QString &target)
{
    return publishAs(part, target, 0);
}

Result<> publishNew(const QString &part, const QString &target)
{
    return publishAs(part, target, RENAME_NOREPLACE);
}

Result<QString> replace(const QString &part, const QString &file, const QString &why)
{
    const QString next = file + Next + nameAside(why);
    if (const Result<> published = publish(part, next); !published)
        return fail(published.error());
    crashPoint("replacement.begun");
    return finish(file, next);
}

Result<> finishReplacement(const QString &file)
{
    const QFileInfo info(file);
    const QStringList begun =
        info.dir().entryList({info.fileName() + Next + QLatin1Char('*')}, QDir::Files, QDir::Name);
    for (const QString &name : begun) {
        if (const auto done = finish(file, info.dir().absoluteFilePath(name)); !done)
            return fail(done.error());
    }
    return {};
}

Result<QString> setAside(const QString &file, const QString &why)
{
    QString aside = file + QLatin1Char('.') + nameAside(why);
    if (const Result<> moved = move(file, aside); !moved)
        return fail(moved.error());
    return aside;
}

}  // namespace celldeck::storage
