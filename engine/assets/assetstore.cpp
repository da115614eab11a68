#include "assets/assetstore.h"

#include <QFileInfo>

#include "assets/asset.h"
#include "assets/assetfolder.h"
#include "assets/partials.h"
#include "assets/thumbnail.h"
#include "async/background.h"
#include "base/crashpoint.h"

namespace celldeck::assets {

namespace {

// A cell that shows something anew when its own task has ended may name a file by its old name.
constexpr qsizetype MaxNamed = 1'000;

struct Plan
{
    Json outputs = {};
    QList<BigPart> parts;
    QStringList paths;
    QList<Partial> partials = {};
    QStringList partialPaths = {};
};

/// `named`: what has its name already.
Plan planOf(const QString &folder, const Json &outputs, Takes takes,
            const QHash<QString, QString> &named)
{
    Plan plan{.outputs = outputs,
              .parts = takes == Takes::BigParts ? bigPartsOf(outputs) : QList<BigPart>(),
              .paths = {}};
    for (const BigPart &part : std::as_const(plan.parts))
        plan.paths << folder + QLatin1Char('/') + nameOf(part.content, part.mimeType);
    for (Partial &partial : partialsOf(outputs)) {
        partial.path = named.value(partial.path, partial.path);
        // Without its file the preview is all that there is.
        if (!study(partial))
            continue;
        plan.partialPaths << QFileInfo(partial.path).absolutePath() + QLatin1Char('/') +
                                 partial.fileName();
        plan.partials << partial;
    }
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

Result<HandedOver> putAll(const Plan &plan)
{
    QStringList done;
    Json outputs = plan.outputs;
    for (qsizetype i = 0; i < plan.partials.size(); ++i) {
        const Partial &partial = plan.partials[i];
        const QString &path = plan.partialPaths[i];
        if (partial.path != path) {
            if (const Result<> put = nameFile(partial, path); !put)
                return fail(put.error());
            done << partial.path;
        }
        outputs = named(std::move(outputs), partial, path);
    }
    QList<PartPlace> places;
    for (qsizetype i = 0; i < plan.parts.size(); ++i) {
        if (const Result<> put = putFile(plan.paths[i], plan.parts[i].content); !put)
            return fail(put.error());
        places << PartPlace{plan.paths[i], putThumbnail(plan.paths[i], plan.parts[i])};
    }
    const bool isCut =
        !plan.partials.isEmpty() || std::ranges::any_of(plan.parts, [](const BigPart &part) {
            return part.content.size() > MaxRecordBytes;
        });
    return HandedOver{.shown = shown(outputs, plan.parts, places),
                      .record = recorded(outputs, plan.parts, places),
                      .whole = outputs,
                      .partials = done,
                      .isCut = isCut};
}

}  // namespace

AssetStore::AssetStore(LeaseKeeper &leases, AssetOptions options)
    : m_leases(leases), m_options(std::move(options))
{}

bool AssetStore::mayTake(const QByteArray &outputs) const
{
    if (outputs.contains("\"assets\""))
        return true;
    // A text is big by its length or its lines, and an image always.
    return m_options.takes == Takes::BigParts &&
           (outputs.size() > MaxInlineCharacters || outputs.count("\\n") > MaxInlineLines ||
            outputs.contains("\"image/") || outputs.contains("\"application/pdf\""));
}

Waiter<HandedOver> AssetStore::handOver(QString notebookPath, Json outputs,
                                        storage::TaskId recordOf)
{
    const bool takesAll = m_options.takes == Takes::BigParts;
    if (!(takesAll && hasBigParts(outputs)) && partialsOf(outputs).isEmpty())
        return Waiter<HandedOver>::resolved(
            HandedOver{.shown = shown(outputs, {}, {}), .record = outputs, .whole = outputs});
    const Waiter<HandedOver> done;
    m_scope.start(keep(std::move(notebookPath), std::move(outputs), recordOf, done));
    return done;
}

QString AssetStore::spoolFolderFor(const QString &notebookPath) const
{
    const QString folder = folderFor(notebookPath);
    if (m_options.takes == Takes::LongTexts)
        return makePrivateFolder(folder) ? folder : QString();
    // One beside a notebook is not made before there is something to put into it.
    if (canHoldFiles(folder))
        return folder;
    const QString &second = m_options.secondDirectory;
    return !second.isEmpty() && makePrivateFolder(second) ? second : QString();
}

QString AssetStore::folderFor(const QString &notebookPath) const
{
    return folderOf(notebookPath, m_options.directory);
}

QCoro::Task<> AssetStore::keep(QString notebookPath, Json outputs, storage::TaskId recordOf,
                               Waiter<HandedOver> done)
{
    const auto shared = std::make_shared<const Json>(std::move(outputs));
    const auto planning = inBackground<std::shared_ptr<const Plan>>(
        [shared, folder = folderFor(notebookPath), takes = m_options.takes,
         named = m_named]() -> Result<std::shared_ptr<const Plan>> {
            return std::make_shared<const Plan>(planOf(folder, *shared, takes, named));
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
    for (qsizetype i = 0; i < (*plan)->partials.size(); ++i)
        grants << storage::LeaseGrant{.asset = (*plan)->partialPaths[i],
                                      .notebookPath = notebookPath,
                                      .bytes = (*plan)->partials[i].bytes,
                                      .recordOf = recordOf};
    // A text that its notebook has too is needed as long as its record, and no longer.
    const Milliseconds period = m_options.takes == Takes::LongTexts ? Milliseconds(0) : LeasePeriod;
    const Waiter<> granting = m_leases.grant(std::move(grants), period);
    const Result<> granted = co_await granting.wait(m_scope);
    if (!granted) {
        done.resolve(fail(granted.error()));
        co_return;
    }
    crashPoint("asset.leased");
    const auto putting =
        inBackground<HandedOver>([plan = *plan]() -> Result<HandedOver> { return putAll(*plan); });
    const Result<HandedOver> handed = co_await putting.wait(m_scope);
    for (qsizetype i = 0; handed && i < (*plan)->partials.size(); ++i) {
        if (m_named.size() >= MaxNamed)
            m_named.clear();
        m_named.insert((*plan)->partials[i].path, (*plan)->partialPaths[i]);
    }
    crashPoint("asset.written");
    done.resolve(handed);
}

}  // namespace celldeck::assets
