#include "storage/database.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLoggingCategory>

#include "storage/migrator.h"
#include "storage/replacement.h"
#include "storage/salvage.h"
#include "storage/sectors.h"

namespace celldeck::storage {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.storage")

constexpr qint64 PageBytes = 4'096;  // SQLite's default, of all our databases

Result<> makeFolder(const QString &folder)
{
    if (QDir(folder).exists())
        return {};
    if (!QDir().mkpath(folder))
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("the data folder %1 cannot be made: choose one that you can "
                                   "write to with --data-dir")
                        .arg(folder));
    if (!QFile::setPermissions(folder, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner))
        return fail(ErrorCode::StorageUnavailable,
                    QStringLiteral("the rights of the data folder %1 cannot be set").arg(folder));
    return {};
}

Result<std::int64_t> countTasks(const QString &file)
{
    auto connection = Connection::open(file, Connection::Mode::Read);
    if (!connection)
        return fail(connection.error());
    return (*connection)->number(QStringLiteral("SELECT count(*) FROM task"));
}

/// Or may have: the log is laid out with zeros before there are any.
bool hasCommits(const QString &log)
{
    QFile file(log);
    if (!file.open(QIODevice::ReadOnly))
        return QFileInfo(log).size() > 0;
    const QByteArray begin = file.read(4);
    return !begin.isEmpty() && begin != QByteArray(begin.size(), '\0');
}

}  // namespace

Database::Database(QString file)
    : m_file(std::move(file)),
      m_health([this] { tryAgain(); }),
      m_writer({.rolledBack = [this](Connection &connection) { return rereadAll(connection); },
                .wrote =
                    [this](std::optional<Error> fault) {
                        if (fault && fault->code == ErrorCode::Damaged)
                            noteDamage(*fault);
                        else
                            m_health.note(std::move(fault));
                    }}),
      m_reader([this](const Error &damage) { noteDamage(damage); })
{}

Database::~Database()
{
    close();
}

void Database::onReread(std::function<Result<>(Connection &)> reread)
{
    m_reread.push_back(std::move(reread));
}

Result<> Database::open()
{
    if (const Result<> made = makeFolder(QFileInfo(m_file).absolutePath()); !made)
        return made;
    if (const Result<> finished = finishReplacement(m_file); !finished)
        return finished;
    const Result<> opened = isKnownDamaged() ? damagedBefore() : openOnce();
    if (opened || opened.error().code == ErrorCode::NewerSchema)
        return opened;
    if (opened.error().code != ErrorCode::Damaged && !lacksSectors())
        return opened;
    return salvage(opened.error());
}

bool Database::lacksSectors() const
{
    // A disk that gives nothing is away, and may come back; one that gives only a part has lost the
    // rest. While an engine runs that makes no difference: the next one looks.
    ReadablePages all;
    for (const char *const part : {"", "-wal"}) {
        const ReadablePages pages = readablePages(m_file + QLatin1String(part));
        all.read += pages.read;
        all.refused += pages.refused;
    }
    return all.read > 0 && all.refused > 0;
}

bool Database::isKnownDamaged() const
{
    if (!QFile::exists(m_file))
        return false;
    // SQLite takes an empty file for a new database, and would throw its WAL away; and half a page
    // for a whole one that ends in zeros, where no log has that page.
    const qint64 bytes = QFileInfo(m_file).size();
    const bool hasLog = hasCommits(m_file + QStringLiteral("-wal"));
    const bool isCutOff = hasLog ? bytes == 0 : bytes % PageBytes != 0;
    return isCutOff || QFile::exists(m_file + QLatin1String(DamageMark));
}

Result<> Database::damagedBefore() const
{
    return fail(ErrorCode::Damaged, QStringLiteral("the database %1 is damaged").arg(m_file));
}

void Database::noteDamage(const Error &damage)
{
    // What is checked at the start is the structure of the pages; a wrong row in one is only found
    // by whoever reads it. So the next start is told.
    QFile mark(m_file + QLatin1String(DamageMark));
    if (!mark.open(QIODevice::WriteOnly) || mark.write(damage.message.toUtf8()) < 0)
        qCWarning(log, "%s: %s", qUtf8Printable(mark.fileName()),
                  qUtf8Printable(mark.errorString()));
    m_health.note(damage);
}

Result<> Database::salvage(const Error &damage)
{
    const auto aside = setAsideAndSalvage(m_file);
    if (!aside)
        return fail(aside.error());
    if (const Result<> opened = openOnce(); !opened)
        return opened;
    const auto tasks = countTasks(m_file);
    m_notice = QStringLiteral("%1. It is kept as %2; %3 tasks could still be read of it")
                   .arg(damage.message, *aside)
                   .arg(tasks ? *tasks : 0);
    return {};
}

Result<> Database::openOnce()
{
    const Result<> writes =
        m_writer.start(m_file, Connection::Mode::Write, [this](Connection &connection) -> Result<> {
            if (const Result<> migrated = migrate(connection, m_file); !migrated)
                return migrated;
            return rereadAll(connection);
        });
    if (!writes)
        return writes;
    return m_reader.start(m_file, Connection::Mode::Read,
                          [](Connection &) -> Result<> { return {}; });
}

Result<> Database::rereadAll(Connection &connection) const
{
    for (const auto &reread : m_reread) {
        if (const Result<> done = reread(connection); !done)
            return done;
    }
    return {};
}

void Database::tryAgain()
{
    // Any job makes the writer try.
    m_writer.add(std::make_unique<WaitedJob<void>>([](Connection &) -> Result<> { return {}; }));
}

std::unexpected<Error> Database::damagedError() const
{
    return fail(ErrorCode::StorageUnavailable,
                QStringLiteral("the database %1 is damaged: nothing more is written until "
                               "Celldeck starts again")
                    .arg(m_file));
}

void Database::close()
{
    m_health.stop();
    m_reader.stop();
    m_writer.stop();
}

}  // namespace celldeck::storage
