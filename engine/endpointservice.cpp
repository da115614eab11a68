#include "endpointservice.h"

#include "assets/asset.h"
#include "assets/assetreader.h"
#include "async/background.h"
#include "tools/assetargument.h"

namespace celldeck {

namespace {

// It is sent from memory; what is bigger is read in parts (read_asset).
constexpr qint64 MaxAssetBytes = 64LL * 1024 * 1024;

}  // namespace

EndpointService::EndpointService(const tools::Services &services) : m_services(services) {}

Waiter<net::AssetContent> EndpointService::asset(const QString &id)
{
    const Waiter<net::AssetContent> done;
    m_scope.start(read(id, done));
    return done;
}

QCoro::Task<> EndpointService::read(QString id, Waiter<net::AssetContent> done)
{
    const Result<storage::Lease> lease =
        co_await tools::openAsset(&m_services, Json{{"asset", id}}, &m_scope);
    if (!lease) {
        done.resolve(fail(lease.error()));
        co_return;
    }
    const auto reading =
        inBackground<net::AssetContent>([path = lease->asset]() -> Result<net::AssetContent> {
            auto bytes = assets::readWhole(path, MaxAssetBytes);
            if (!bytes)
                return fail(bytes.error());
            return net::AssetContent{std::move(*bytes), assets::mimeTypeOf(path).toLatin1()};
        });
    const Result<net::AssetContent> content = co_await reading.wait(m_scope);
    done.resolve(content);
}

void EndpointService::announceTo(net::Endpoint &endpoint)
{
    connect(&m_services.queue, &tasks::TaskQueue::inputRequested, &endpoint,
            [&endpoint](const storage::TaskRecord &task, const kernels::InputRequest &request) {
                endpoint.announce(QStringLiteral("notebook/input_request"),
                                  {{"task_id", nameOf(task)},
                                   {"notebook_path", task.notebookPath},
                                   {"cell_index", task.cellIndex},
                                   {"prompt", request.prompt},
                                   {"password", request.isPassword}});
            });
}

}  // namespace celldeck
