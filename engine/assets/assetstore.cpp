#include "assets/assetstore.h"

#include <QFileInfo>

#include "assets/asset.h"
#include "assets/assetfolder.h"
#include "assets/thumbnail.h"
#include "async/background.h"
#include "base/crashpoint.h"

namespace celldeck::assets {

namespace {

struct Plan
{
    QList<BigPart> parts;
    QStringList paths;
};

Plan planOf(const QString &folder, const Json &outputs)
{
    Plan plan{.parts = bigPartsOf(outputs), .paths = {}};
    for (const BigPart &part : std::as_const(plan.parts))
        plan.paths << folder + QLatin1Char('/') + nameOf(part.content, part.mimeType);
    return plan;
}

/// A small copy beside an image that is too big for a model: its path, or "" if there is no need,
/// or no way. A model is then shown what it can be shown when it asks.
QString putThumbnail(const QString &path, const BigPart &part)
{
    if (!part.mimeType.startsWith(QLatin1String("image/")) || !isBinary(part.mimeType))
        return {};
    const auto small = modelSized(part.content, part.mimeType);
    if (!small || small->bytes == part.content)
        return {};
    const QStringList places = thumbnailPaths(path);
    const QString &place =
        small->mimeType == QLatin1String("image/png") ? places.first() : places.last();
    return putFile(place, small->bytes) ? place : QString();
}

Result<HandedOver> putAll(const Plan &plan, const Json &outputs)
{
    QList<PartPlace> places;
    for (qsizetype i = 0; i < plan.parts.size(); ++i) {
        if (const Result<> put = putFile(plan.paths[i], plan.parts[i].content); !put)
            return fail(put.error());
        places << PartPlace{plan.paths[i], putThumbnail(plan.paths[i], plan.parts[i])};
    }
    const bool isCut = std::ranges::any_of(
        plan.parts, [](const BigPart &part) { return part.content.size() > MaxRecordBytes; });
    return HandedOver{.shown = shown(outputs, plan.parts, places),
                      .record = recorded(outputs, plan.parts, places),
                      .isCut = isCut};
}

}  // namespace

AssetStore::AssetStore(LeaseKeeper &leases, QString directory)
    : m_leases(leases), m_directory(std::move(directory))
{}

Waiter<HandedOver> AssetStore::handOver(QString notebookPath, Json outputs,
                                        storage::TaskId recordOf)
{
    if (!hasBigParts(outputs))
        return Waiter<HandedOver>::resolved(
            HandedOver{.shown = shown(outputs, {}, {}), .record = outputs});
    const Waiter<HandedOver> done;
    m_scope.start(keep(std::move(notebookPath), std::move(outputs), recordOf, done));
    return done;
}

QCoro::Task<> AssetStore::keep(QString notebookPath, Json outputs, storage::TaskId recordOf,
                               Waiter<HandedOver> done)
{
    const auto shared = std::make_shared<const Json>(std::move(outputs));
    const auto planning = inBackground<std::shared_ptr<const Plan>>(
        [shared,
         folder = folderOf(notebookPath, m_directory)]() -> Result<std::shared_ptr<const Plan>> {
            return std::make_shared<const Plan>(planOf(folder, *shared));
        });
    const Result<std::shared_ptr<const Plan>> plan = co_await planning.wait(m_scope);
    if (!plan) {
        done.resolve(fail(plan.error()));
        co_return;
    }
    QList<storage::LeaseGrant> grants;
    for (qsizetype i = 0; i < (*plan)->parts.size(); ++i) {
        const qsizetype bytes = (*plan)->parts[i].content.size();
        grants << storage::LeaseGrant{
            .asset = (*plan)->paths[i],
            .notebookPath = notebookPath,
            .bytes = bytes,
            .recordOf = bytes > MaxRecordBytes ? recordOf : storage::TaskId()};
    }
    const Waiter<> granting = m_leases.grant(std::move(grants));
    const Result<> granted = co_await granting.wait(m_scope);
    if (!granted) {
        done.resolve(fail(granted.error()));
        co_return;
    }
    crashPoint("asset.leased");
    const auto putting = inBackground<HandedOver>(
        [plan = *plan, shared]() -> Result<HandedOver> { return putAll(*plan, *shared); });
    const Result<HandedOver> handed = co_await putting.wait(m_scope);
    crashPoint("asset.written");
    done.resolve(handed);
}

}  // namespace celldeck::assets
