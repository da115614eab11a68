#include "storage/migrator.h"

#include <QFile>

#include "base/crashpoint.h"
#include "storage/replacement.h"
#include "storage/schema.h"
#include "storage/schematext.h"

namespace celldeck::storage {

namespace {

Result<> check(Connection &connection, const QString &file)
{
    QString verdict;
    const Result<> read =
        connection.queryOnce(QStringLiteral("PRAGMA quick_check(1)"), {},
                             [&verdict](const Row &row) { verdict = row.text(0); });
    if (!read)
        return read;
    if (verdict != QLatin1String("ok"))
        return fail(ErrorCode::Damaged,
                    QStringLiteral("the database %1 is damaged: %2").arg(file, verdict));
    return {};
}

Result<> step(Connection &connection, int to)
{
    const QStringList statements =
        QStringList{QStringLiteral("BEGIN IMMEDIATE")} + migrations()[to - 1] +
        QStringList{QStringLiteral("PRAGMA user_version=%1").arg(to), QStringLiteral("COMMIT")};
    for (const QString &statement : statements) {
        const Result<> done = connection.queryOnce(statement, {}, [](const Row &) {});
        crashPoint("migration.statement");
        if (done)
            continue;
        const Result<> undone =
            connection.queryOnce(QStringLiteral("ROLLBACK"), {}, [](const Row &) {});
        return fail(done.error().code,
                    QStringLiteral("the database cannot be brought to version %1: %2%3")
                        .arg(to)
                        .arg(done.error().message,
                             undone ? QString() : QStringLiteral("; ") + undone.error().message));
    }
    return {};
}

}  // namespace

Result<int> versionOf(Connection &connection, const QString &file)
{
    const auto version = connection.number(QStringLiteral("PRAGMA user_version"));
    if (!version)
        return fail(version.error());
    const auto entries = connection.number(QStringLiteral("SELECT count(*) FROM sqlite_schema"));
    if (!entries)
        return fail(entries.error());
    const bool isNewer = *version > currentSchema();
    // An older one is held to its own schema by `migrate`.
    if (isNewer || *version < 0 || (*version == 0 && *entries > 0)) {
        const auto isOurs = isSchemaOf(connection, currentSchema());
        if (!isOurs)
            return fail(isOurs.error());
        if (*isOurs)
            return fail(ErrorCode::Damaged,
                        QStringLiteral("the database %1 is damaged: its header has version %2, and "
                                       "its tables are those of %3")
                            .arg(file)
                            .arg(*version)
                            .arg(currentSchema()));
    }
    if (isNewer)
        return fail(ErrorCode::NewerSchema,
                    QStringLiteral("the database %1 has version %2, and this Celldeck knows up to "
                                   "%3: use the newer Celldeck, or choose another --data-dir")
                        .arg(file)
                        .arg(*version)
                        .arg(currentSchema()));
    return int(*version);
}

Result<> migrate(Connection &connection, const QString &file)
{
    if (const Result<> sound = check(connection, file); !sound)
        return sound;
    const auto version = versionOf(connection, file);
    if (!version)
        return fail(version.error());
    const auto foreign =
        connection.number(QStringLiteral("SELECT count(*) FROM sqlite_schema"
                                         " WHERE type = 'table' AND name = 'execution_queue'"));
    if (!foreign)
        return fail(foreign.error());
    if (*foreign > 0)
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("the database %1 is the Python server's: move it to another "
                                   "folder, and take it over from there with celldeck import")
                        .arg(file));
    if (*version > 0) {
        if (const Result<> sound = checkSchema(connection, *version, file); !sound)
            return sound;
    }
    if (*version > 0 && *version < currentSchema()) {
        const QString backup = QStringLiteral("%1.v%2.backup").arg(file).arg(*version);
        if (!QFile::exists(backup)) {
            // Its name says that it is complete: the next start would not make another.
            const QString part = backup + QStringLiteral(".part");
            QFile::remove(part);
            const Result<> copied =
                connection.queryOnce(QStringLiteral("VACUUM INTO ?"), {part}, [](const Row &) {});
            crashPoint("migration.copied");
            const Result<> published = copied ? publish(part, backup) : copied;
            if (!published)
                return published;
            crashPoint("migration.backed_up");
        }
    }
    const auto vacuum = connection.number(QStringLiteral("PRAGMA auto_vacuum"));
    if (!vacuum)
        return fail(vacuum.error());
    if (*vacuum == 0) {
        // A file from before its room was given back in steps.
        for (const auto &sql :
             {QStringLiteral("PRAGMA auto_vacuum=INCREMENTAL"), QStringLiteral("VACUUM")}) {
            if (const Result<> done = connection.queryOnce(sql, {}, [](const Row &) {}); !done)
                return done;
        }
    }
    return raise(connection, currentSchema());
}

Result<> raise(Connection &connection, int version)
{
    const auto from = connection.number(QStringLiteral("PRAGMA user_version"));
    if (!from)
        return fail(from.error());
    for (auto to = static_cast<int>(*from) + 1; to <= version; ++to) {
        if (const Result<> done = step(connection, to); !done)
            return done;
        crashPoint("migration.step");
    }
    return {};
}

}  // namespace celldeck::storage
