#include "storage/maintenance.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLoggingCategory>

#include "base/crashpoint.h"
#include "base/lockfile.h"
#include "storage/auditsql.h"
#include "storage/connection.h"
#include "storage/migrator.h"
#include "storage/replacement.h"
#include "storage/schema.h"

namespace celldeck::storage {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.storage")

Result<> collect(Connection &connection, const QString &pragma, QStringList &findings)
{
    return connection.queryOnce(pragma, {}, [&findings](const Row &row) {
        if (const QString line = row.text(0); line != QLatin1String("ok"))
            findings << line;
    });
}

Result<> checkReferences(Connection &connection, QStringList &findings)
{
    return connection.queryOnce(
        QStringLiteral("PRAGMA foreign_key_check"), {}, [&findings](const Row &row) {
            findings << QStringLiteral("row %1 of %2 names a row of %3 that is not there")
                            .arg(row.integer(1))
                            .arg(row.text(0), row.text(2));
        });
}

Result<> mustBeSound(const QString &file)
{
    const auto findings = check(file, CheckDepth::Full);
    if (!findings)
        return fail(findings.error());
    if (findings->isEmpty())
        return {};
    return fail(ErrorCode::StorageUnavailable,
                QStringLiteral("%1 is damaged: %2").arg(file, findings->first()));
}

QString partOf(const QString &target)
{
    return target + QStringLiteral(".part");
}

/// A copy of one moment, checked, under a name of its own beside `target`.
Result<QString> copyOf(const QString &file, const QString &target)
{
    QString part = partOf(target);
    QFile::remove(part);
    auto connection = Connection::open(file, Connection::Mode::Read);
    if (!connection)
        return fail(connection.error());
    const Result<> copied = (*connection)->copyTo(part);
    crashPoint("backup.copied");
    const Result<> sound = copied ? mustBeSound(part) : copied;
    if (sound)
        return part;
    QFile::remove(part);
    return fail(sound.error());
}

/// Beside an engine this is one more writer, for a moment.
Result<> note(const QString &file, const AuditNote &what)
{
    const auto connection = Connection::open(file, Connection::Mode::Write);
    if (!connection)
        return fail(connection.error());
    const auto version = (*connection)->number(QStringLiteral("PRAGMA user_version"));
    if (!version || *version != currentSchema())
        return version ? Result<>() : fail(version.error());
    if (const auto begun = (*connection)->run(QStringLiteral("BEGIN IMMEDIATE")); !begun)
        return fail(begun.error());
    if (const Result<> recorded = sql::record(**connection, what); !recorded)
        return recorded;
    const auto committed = (*connection)->run(QStringLiteral("COMMIT"));
    return committed ? Result<>() : fail(committed.error());
}

}  // namespace

Result<QStringList> check(const QString &file, CheckDepth depth)
{
    if (!QFile::exists(file))
        return fail(ErrorCode::NotFound, QStringLiteral("there is no database %1").arg(file));
    auto connection = Connection::open(file, Connection::Mode::Read);
    if (!connection)
        return fail(connection.error());
    const auto version = versionOf(**connection, file);
    if (!version)
        return fail(version.error());
    QStringList findings;
    if (*version == 0)
        findings << QStringLiteral("it is no database of Celldeck's: its version is 0");
    const bool full = depth == CheckDepth::Full;
    const Result<> pages = collect(
        **connection,
        full ? QStringLiteral("PRAGMA integrity_check") : QStringLiteral("PRAGMA quick_check"),
        findings);
    if (!pages)
        findings << pages.error().message;
    if (!full || !findings.isEmpty())
        return findings;
    if (const Result<> references = checkReferences(**connection, findings); !references)
        return fail(references.error());
    for (const char *const view : {"execution_queue", "asset_leases"}) {
        const auto rows =
            (*connection)
                ->number(QStringLiteral("SELECT count(*) FROM %1").arg(QLatin1String(view)));
        if (!rows)
            findings << rows.error().message;
    }
    return findings;
}

Result<> backUp(const QString &file, const QString &target, const Actor &by)
{
    if (QFile::exists(target))
        return fail(ErrorCode::Conflict,
                    QStringLiteral("%1 is there already: name another file").arg(target));
    LockFile lock(partOf(target) + QStringLiteral(".lock"));
    if (const Result<> locked = lock.lock(); !locked)
        return locked;
    const auto part = copyOf(file, target);
    if (!part)
        return fail(part.error());
    const Result<> published = publishNew(*part, target);
    crashPoint("backup.published");
    if (!published) {
        QFile::remove(*part);
        return published;
    }
    const Result<> noted = note(
        file, {.by = by, .action = Action::BackUp, .at = SystemClock().now(), .object = target});
    if (!noted)
        qCWarning(log, "%s", qUtf8Printable(noted.error().message));
    return {};
}

Result<QString> restore(const QString &backup, const QString &file, const Actor &by)
{
    if (const Result<> sound = mustBeSound(backup); !sound)
        return fail(sound.error());
    if (!QDir().mkpath(QFileInfo(file).absolutePath()))
        return fail(ErrorCode::Io, QStringLiteral("the folder of %1 cannot be made").arg(file));
    if (const Result<> finished = finishReplacement(file); !finished)
        return fail(finished.error());
    const auto part = copyOf(backup, file);
    if (!part)
        return fail(part.error());
    const Result<> noted = note(
        *part, {.by = by, .action = Action::Restore, .at = SystemClock().now(), .object = backup});
    if (!noted) {
        QFile::remove(*part);
        return fail(noted.error());
    }
    return replace(*part, file, QStringLiteral("before-restore"));
}

}  // namespace celldeck::storage
