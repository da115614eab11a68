#include "engine/engine.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QLoggingCategory>

#include "assets/assetcleaner.h"
#include "assets/assetstore.h"
#include "base/lockfile.h"
#include "endpointservice.h"
#include "engine/enginefeed.h"
#include "housekeeper.h"
#include "mcp/toolregistry.h"
#include "net/access.h"
#include "net/endpoint.h"
#include "storage/database.h"
#include "tools/assettools.h"
#include "tools/audittools.h"
#include "tools/helptools.h"
#include "tools/importtools.h"
#include "tools/inputtools.h"
#include "tools/kerneltools.h"
#include "tools/leasetools.h"
#include "tools/maintenancetools.h"
#include "tools/orphantools.h"
#include "tools/queuetools.h"
#include "tools/sessiontools.h"
#include "tools/submissiontools.h"
#include "tools/tasktools.h"
#include "tools/variabletools.h"
#include "tools/widgettools.h"

namespace celldeck {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.engine", QtInfoMsg)

QString runtimeDirectory(const QString &dataDirectory)
{
    return dataDirectory + QStringLiteral("/runtime");
}

tasks::SessionOptions sessionOptions(const EngineOptions &options, assets::AssetStore &assets)
{
    tasks::SessionOptions session;
    session.runtimeDirectory = runtimeDirectory(options.dataDirectory);
    session.life = options.recovery == tasks::Recovery::Leave ? kernels::KernelLife::WithEngine
                                                              : kernels::KernelLife::OutlivesEngine;
    session.assets = &assets;
    session.kernelLimit = options.maxKernels;
    session.cullAfter = options.cullIdle;
    // Where there is an endpoint, there may be somebody who can answer.
    session.allowStdin = options.endpoint;
    return session;
}

Result<> makePrivateFolder(const QString &folder)
{
    if (QDir().mkpath(folder) &&
        QFile::setPermissions(folder, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner))
        return {};
    return fail(ErrorCode::StorageUnavailable,
                QStringLiteral("the data folder %1 cannot be written: choose one that you can "
                               "write to with --data-dir")
                    .arg(folder));
}

/// Where texts go that are too long for memory, if assets go nowhere else, or cannot.
QString ownAssetsDirectory(const QString &dataDirectory)
{
    return dataDirectory + QStringLiteral("/assets");
}

assets::AssetOptions assetOptions(const EngineOptions &options)
{
    if (options.bigOutputs == BigOutputs::InRecord)
        return {.directory = ownAssetsDirectory(options.dataDirectory),
                .takes = assets::Takes::LongTexts};
    return {.directory = options.assetsDirectory,
            .secondDirectory = ownAssetsDirectory(options.dataDirectory)};
}

/// Assets in a folder of their own may be named by any notebook of the workspace.
QStringList searchRoots(const EngineOptions &options)
{
    return options.assetsDirectory.isEmpty() ? QStringList() : QStringList{options.workspace};
}

/// For the owner's eyes only, from its first byte.
Result<> writePrivately(const QString &path, const QByteArray &bytes)
{
    QFile::remove(path);
    QFile file(path);
    if (file.open(QIODevice::WriteOnly | QIODevice::NewOnly,
                  QFileDevice::ReadOwner | QFileDevice::WriteOwner) &&
        file.write(bytes) == bytes.size() && file.flush())
        return {};
    return fail(ErrorCode::Io,
                QStringLiteral("%1 cannot be written (%2)").arg(path, file.errorString()));
}

/// What has become of the tasks that the last engine had.
QString describe(const tasks::RescueReport &report)
{
    const QString engine =
        report.uncleanSince
            ? QStringLiteral("the engine that began at %1 was not ended in order: of its")
                  .arg(toIso(*report.uncleanSince))
            : QStringLiteral("of the last engine's");
    QString told =
        engine + QStringLiteral(" tasks %1 run on, %2 were interrupted, %3 were restored")
                     .arg(report.followed)
                     .arg(report.interrupted)
                     .arg(report.restored);
    if (report.stateLost > 0)
        told +=
            QStringLiteral(" (%1 of them without the state of their kernel)").arg(report.stateLost);
    if (report.replayed > 0)
        told += QStringLiteral("; %1 run again to rebuild the state").arg(report.replayed);
    if (report.strays > 0)
        told += QStringLiteral("; %1 kernels without a record were ended").arg(report.strays);
    return told;
}

/// What an operator is told when the log grows without an end.
QString describeLog(std::int64_t bytes)
{
    return QStringLiteral(
               "the database's log has grown to %1 MB, because another program has been "
               "reading the database for long: end that program's query, or it grows on")
        .arg(bytes >> 20U);
}

}  // namespace

QString databaseFile(const QString &dataDirectory)
{
    return dataDirectory + QStringLiteral("/sessions/state.db");
}

QString hostLockFile(const QString &dataDirectory)
{
    return runtimeDirectory(dataDirectory) + QStringLiteral("/engine.lock");
}

/// In the order in which they are made; each may use those above it.
struct Engine::Parts
{
    explicit Parts(const EngineOptions &given)
        : options(given),
          lock(hostLockFile(given.dataDirectory)),
          database(databaseFile(given.dataDirectory)),
          stores(database),
          cleaner(database, stores.tasks),
          leaseStore(database),
          leases(leaseStore, clock),
          assets(leases, assetOptions(given)),
          assetCleaner(leaseStore, leases, searchRoots(given)),
          housekeeper(cleaner, assetCleaner, clock, given.retention),
          queue(stores, clock, sessionOptions(given, assets)),
          feed(queue, stores, clock),
          services{queue,
                   stores.tasks,
                   stores.adoptions,
                   cleaner,
                   {leaseStore, leases, assets, assetCleaner},
                   stores.audit,
                   clock,
                   given.workspace,
                   ownAssetsDirectory(given.dataDirectory),
                   databaseFile(given.dataDirectory),
                   given.dataDirectory + QStringLiteral("/backups")}
    {
        assetCleaner.lookInto(ownAssetsDirectory(given.dataDirectory));
        database.setWatch(
            {.logIsLarge = [this](std::int64_t bytes) { Q_EMIT queue.failed(describeLog(bytes)); },
             .largestBytes = given.retention.largestBytes,
             .databaseIsLarge = [this] { housekeeper.cleanSoon(); }});
        tools::addSubmissionTools(registry, services);
        tools::addTaskTools(registry, services);
        tools::addQueueTools(registry, services);
        tools::addKernelTools(registry, services);
        tools::addSessionTools(registry, services);
        tools::addVariableTools(registry, services);
        tools::addWidgetTools(registry, services);
        tools::addHelpTools(registry, services);
        tools::addInputTools(registry, services);
        tools::addOrphanTools(registry, services);
        tools::addMaintenanceTools(registry, services);
        tools::addAssetTools(registry, services);
        tools::addLeaseTools(registry, services);
        tools::addAuditTools(registry, services);
        tools::addImportTools(registry, services);
        QObject::connect(&leases, &assets::LeaseKeeper::failed, &queue, &tasks::TaskQueue::failed);
        QObject::connect(&housekeeper, &Housekeeper::failed, &queue, &tasks::TaskQueue::failed);
    }

    const EngineOptions options;
    SystemClock clock;
    LockFile lock;
    storage::Database database;
    storage::Stores stores;
    storage::TaskCleaner cleaner;
    storage::LeaseStore leaseStore;
    assets::LeaseKeeper leases;
    assets::AssetStore assets;
    assets::AssetCleaner assetCleaner;
    Housekeeper housekeeper;
    tasks::TaskQueue queue;
    EngineFeed feed;
    tools::Services services;
    mcp::ToolRegistry registry;
    std::unique_ptr<net::Endpoint> endpoint;
    EndpointService endpointService{services};  // its waits end before the endpoint does
    EndpointStatus status;
    bool accepts = false;
};

Engine::Engine(const EngineOptions &options) : d(std::make_unique<Parts>(options)) {}
Engine::~Engine() = default;

Feed &Engine::feed()
{
    return d->feed;
}

tasks::TaskQueue &Engine::queue()
{
    return d->queue;
}

storage::TaskStore &Engine::store()
{
    return d->stores.tasks;
}

assets::AssetCleaner &Engine::assetCleaner()
{
    return d->assetCleaner;
}

storage::TaskCleaner &Engine::cleaner()
{
    return d->cleaner;
}

const Clock &Engine::clock() const
{
    return d->clock;
}

EndpointStatus Engine::endpoint() const
{
    return d->status;
}

Waiter<> Engine::start()
{
    const Waiter<> started;
    m_scope.start(open(started));
    return started;
}

QCoro::Task<> Engine::open(Waiter<> started)
{
    if (const Result<> made = makePrivateFolder(runtimeDirectory(d->options.dataDirectory));
        !made) {
        started.resolve(made);
        co_return;
    }
    if (const Result<> locked = d->lock.lock(); !locked) {
        started.resolve(
            locked.error().code == ErrorCode::Conflict
                ? fail(ErrorCode::StorageUnavailable,
                       QStringLiteral("the data folder %1 is in use by another Celldeck (process "
                                      "%2): end that one, or choose another with --data-dir")
                           .arg(d->options.dataDirectory)
                           .arg(d->lock.owner().value_or(0)))
                : fail(ErrorCode::StorageUnavailable, locked.error().message));
        co_return;
    }
    if (const Result<> opened = d->database.open(); !opened) {
        started.resolve(opened);
        co_return;
    }
    if (!d->database.notice().isEmpty())
        Q_EMIT d->queue.failed(d->database.notice());
    const Waiter<> leasing = d->leases.start();
    const Result<> leased = co_await leasing.wait(m_scope);
    if (!leased) {
        started.resolve(leased);
        co_return;
    }
    connect(&d->database.health(), &storage::Health::told, &d->queue, &tasks::TaskQueue::failed);
    const auto recovering = d->queue.recover(d->options.recovery);
    const Result<tasks::RescueReport> recovered = co_await recovering.wait(m_scope);
    if (!recovered) {
        started.resolve(fail(recovered.error()));
        co_return;
    }
    if (recovered->uncleanSince)
        Q_EMIT d->queue.failed(describe(*recovered));
    if (*recovered != tasks::RescueReport{}) {
        const Waiter<> noting = d->stores.audit.record({.by = {},
                                                        .action = storage::Action::Recover,
                                                        .at = d->clock.now(),
                                                        .detail = describe(*recovered)});
        const Result<> noted = co_await noting.wait(m_scope);
        if (!noted) {
            started.resolve(noted);
            co_return;
        }
    }
    d->accepts = true;
    if (d->options.endpoint)
        openEndpoint();
    if (d->options.recovery != tasks::Recovery::Leave)
        d->housekeeper.start();
    started.resolve({});
}

void Engine::openEndpoint()
{
    const QString runtime = runtimeDirectory(d->options.dataDirectory);
    const auto token = d->options.token.isEmpty()
                           ? net::loadOrMakeToken(runtime + QStringLiteral("/token"))
                           : Result<QByteArray>(d->options.token);
    Result<> opened = {};
    if (!token) {
        opened = fail(token.error());
    } else {
        net::EndpointOptions options;
        options.host = d->options.host;
        options.port = d->options.port;
        options.token = *token;
        options.version = QCoreApplication::applicationVersion();
        options.acceptsTasks = [parts = d.get()] {
            return parts->accepts && parts->database.health().isWell();
        };
        options.asset = [parts = d.get()](const QString &id) {
            return parts->endpointService.asset(id);
        };
        d->endpoint = std::make_unique<net::Endpoint>(d->registry, options);
        d->endpointService.announceTo(*d->endpoint);
        opened = d->endpoint->start();
    }
    if (opened) {
        const Json file{{"port", d->endpoint->port()},
                        {"url", d->endpoint->url()},
                        {"token", QString::fromLatin1(*token)},
                        {"pid", QCoreApplication::applicationPid()},
                        {"version", QCoreApplication::applicationVersion()}};
        opened = writePrivately(runtime + QStringLiteral("/endpoint.json"), toBytes(file) + '\n');
    }
    if (opened) {
        d->status = {.listening = true, .url = d->endpoint->url(), .error = {}};
    } else {
        d->status = {.listening = false, .url = {}, .error = opened.error().message};
        d->endpoint.reset();
    }
    d->feed.setEndpoint(d->status);
}

Waiter<> Engine::stop()
{
    const Waiter<> stopped;
    m_scope.start(close(stopped));
    return stopped;
}

QCoro::Task<> Engine::close(Waiter<> stopped)
{
    d->accepts = false;
    if (d->endpoint) {
        d->endpoint->stop();
        QFile::remove(runtimeDirectory(d->options.dataDirectory) +
                      QStringLiteral("/endpoint.json"));
    }
    const Waiter<> stopping = d->queue.stop();
    const Result<> ended = co_await stopping.wait(m_scope);
    if (!ended)
        co_return;
    const Waiter<> leasing = d->leases.stop();
    const Result<> kept = co_await leasing.wait(m_scope);
    if (!kept && kept.error().code == ErrorCode::Cancelled)
        co_return;
    if (!kept)
        Q_EMIT d->queue.failed(kept.error().message);
    d->database.close();
    d->lock.unlock();
    qCDebug(log, "stopped");
    stopped.resolve({});
}

}  // namespace celldeck
