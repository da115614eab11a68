#include "storage/database.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include "storage/migrator.h"
#include "storage/replacement.h"
#include "storage/salvage.h"

namespace celldeck::storage {

namespace {

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

}  // namespace

Database::Database(QString file)
    : m_file(std::move(file)), m_writer([this](Connection &connection) -> Result<> {
          for (const auto &reread : m_reread) {
              if (const Result<> done = reread(connection); !done)
                  return done;
          }
          return {};
      })
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
    const Result<> opened = openOnce();
    if (opened || opened.error().code != ErrorCode::Damaged)
        return opened;
    return salvage(opened.error());
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
            for (const auto &reread : m_reread) {
                if (const Result<> done = reread(connection); !done)
                    return done;
            }
            return {};
        });
    if (!writes)
        return writes;
    return m_reader.start(m_file, Connection::Mode::Read,
                          [](Connection &) -> Result<> { return {}; });
}

void Database::close()
{
    m_reader.stop();
    m_writer.stop();
}

}  // namespace celldeck::storage
