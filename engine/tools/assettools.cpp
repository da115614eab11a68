#include "tools/assettools.h"

#include <QFileInfo>
#include <limits>

#include "assets/asset.h"
#include "assets/assetreader.h"
#include "assets/thumbnail.h"
#include "async/background.h"
#include "tools/assetargument.h"
#include "tools/toolschemas.h"

namespace celldeck::tools {

using mcp::CallContext;
using mcp::ToolResult;
using storage::Lease;

namespace {

constexpr int DefaultLines = 200;
constexpr int MaxLines = 5'000;
// As text in JSON: more than that no client wants in one answer.
constexpr qint64 MaxContentBytes = 1 << 20;
constexpr qint64 MaxImageBytes = 256LL << 20;

ToolResult resultOf(const Lease &asset)
{
    ToolResult result;
    result.structured = {{"asset", QFileInfo(asset.asset).fileName()},
                         {"path", asset.asset},
                         {"mime_type", assets::mimeTypeOf(asset.asset)},
                         {"bytes", asset.bytes}};
    return result;
}

/// [first, last], each counted from 1.
Result<> takeRange(const Json &arguments, assets::LineRequest &request)
{
    const Json *lines = find(arguments, "lines");
    if (!lines)
        return {};
    const auto first = (*lines)[0].get<std::int64_t>();
    const auto last = (*lines)[1].get<std::int64_t>();
    if (last < first)
        return fail(ErrorCode::InvalidArgument,
                    QStringLiteral("lines is [%1, %2]: the last line should not come before the "
                                   "first")
                        .arg(first)
                        .arg(last));
    request.first = first;
    request.last = last;
    return {};
}

QCoro::Task<Result<ToolResult>> readAsset(const Services *services, Json arguments,
                                          CallContext context)
{
    assets::LineRequest request;
    if (const Result<> range = takeRange(arguments, request); !range)
        co_return fail(range.error());
    request.search = celldeck::textOf(arguments, "search");
    request.maxLines = static_cast<int>(findInt(arguments, "max_lines").value_or(DefaultLines));
    const Result<Lease> asset = co_await openAsset(services, arguments, context.scope);
    if (!asset)
        co_return fail(asset.error());
    if (assets::isBinary(assets::mimeTypeOf(asset->asset)))
        co_return fail(ErrorCode::InvalidArgument,
                       QStringLiteral("asset is %1, and no text: peek_asset shows an image, "
                                      "get_asset_content gives the bytes")
                           .arg(assets::mimeTypeOf(asset->asset)));
    request.path = asset->asset;
    const auto reading =
        inBackground<assets::LineAnswer>([request] { return assets::readLines(request); });
    const Result<assets::LineAnswer> answer = co_await reading.wait(*context.scope);
    if (!answer)
        co_return fail(answer.error());
    ToolResult result = resultOf(*asset);
    Json lines = Json::array();
    QStringList text;
    for (const assets::Line &line : answer->lines) {
        lines.push_back({{"number", line.number}, {"text", line.text}});
        text << QStringLiteral("%1  %2").arg(line.number).arg(line.text);
    }
    if (answer->more)
        text << QStringLiteral("(There are more: narrow lines or search, or raise max_lines.)");
    result.structured["lines"] = std::move(lines);
    result.structured["total_lines"] = answer->totalLines;
    result.structured["more"] = answer->more;
    result.text =
        text.isEmpty()
            ? QStringLiteral("No line matches; the asset has %1 lines.").arg(answer->totalLines)
            : text.join(QLatin1Char('\n'));
    co_return result;
}

QCoro::Task<Result<ToolResult>> peekAsset(const Services *services, Json arguments,
                                          CallContext context)
{
    const Result<Lease> asset = co_await openAsset(services, arguments, context.scope);
    if (!asset)
        co_return fail(asset.error());
    const QString mimeType = assets::mimeTypeOf(asset->asset);
    if (!assets::isBinary(mimeType) || !mimeType.startsWith(QLatin1String("image/")))
        co_return fail(ErrorCode::InvalidArgument,
                       QStringLiteral("asset is %1, and no image that can be shown: read_asset "
                                      "reads texts, get_asset_content gives the bytes")
                           .arg(mimeType));
    const auto shrinking =
        inBackground<assets::Picture>([path = asset->asset, mimeType]() -> Result<assets::Picture> {
            const auto image = assets::readWhole(path, MaxImageBytes);
            if (!image)
                return fail(image.error());
            return assets::modelSized(*image, mimeType);
        });
    const Result<assets::Picture> picture = co_await shrinking.wait(*context.scope);
    if (!picture)
        co_return fail(picture.error());
    ToolResult result = resultOf(*asset);
    result.structured["shown_mime_type"] = picture->mimeType;
    result.structured["shown_bytes"] = picture->bytes.size();
    result.text = QStringLiteral("%1 (%2, %3 bytes), shown with %4 bytes.")
                      .arg(asset->asset, mimeType)
                      .arg(asset->bytes)
                      .arg(picture->bytes.size());
    result.content = Json::array({{{"type", "image"},
                                   {"mimeType", picture->mimeType},
                                   {"data", picture->bytes.toBase64().toStdString()}}});
    co_return result;
}

QCoro::Task<Result<ToolResult>> assetContent(const Services *services, Json arguments,
                                             CallContext context)
{
    const Result<Lease> asset = co_await openAsset(services, arguments, context.scope);
    if (!asset)
        co_return fail(asset.error());
    const auto reading = inBackground<QByteArray>(
        [path = asset->asset] { return assets::readWhole(path, MaxContentBytes); });
    const Result<QByteArray> bytes = co_await reading.wait(*context.scope);
    if (!bytes)
        co_return fail(bytes.error());
    ToolResult result = resultOf(*asset);
    const bool isText = !assets::isBinary(assets::mimeTypeOf(asset->asset));
    result.structured["encoding"] = isText ? "utf-8" : "base64";
    result.structured["content"] =
        isText ? QString::fromUtf8(*bytes) : QString::fromLatin1(bytes->toBase64());
    result.text = isText ? QString::fromUtf8(*bytes)
                         : QStringLiteral("%1 bytes of %2, as base64 in the structured content.")
                               .arg(bytes->size())
                               .arg(assets::mimeTypeOf(asset->asset));
    co_return result;
}

struct Count
{
    std::int64_t assets = 0;
    std::int64_t bytes = 0;
};

QCoro::Task<Result<ToolResult>> assetsSummary(const Services *services, Json arguments,
                                              CallContext context)
{
    storage::LeaseFilter filter{
        .notebookPath = {}, .after = {}, .limit = std::numeric_limits<int>::max()};
    if (find(arguments, "notebook_path")) {
        const auto path = notebookPath(*services, arguments);
        if (!path)
            co_return fail(path.error());
        filter.notebookPath = *path;
    }
    Count all;
    Count expired;
    QMap<QString, Count> types;
    QSet<QString> seen;  // An asset of two notebooks is one file.
    QSet<QString> active;
    const auto add = [](Count &count, const Lease &lease) {
        ++count.assets;
        count.bytes += lease.bytes;
    };
    const UtcTime now = services->assets.leases.now().lease;
    const auto listing = services->assets.store.list(filter);
    const Result<QList<Lease>> leases = co_await listing.wait(*context.scope);
    if (!leases)
        co_return fail(leases.error());
    for (const Lease &lease : *leases) {
        if (lease.expires > now)
            active.insert(lease.asset);
    }
    for (const Lease &lease : *leases) {
        if (seen.contains(lease.asset))
            continue;
        seen.insert(lease.asset);
        add(all, lease);
        add(types[assets::mimeTypeOf(lease.asset)], lease);
        if (!active.contains(lease.asset))
            add(expired, lease);
    }
    ToolResult result;
    Json byType = Json::array();
    QStringList text{
        QStringLiteral("%1 assets of %2 bytes; the leases of %3 have expired (%4 bytes).")
            .arg(all.assets)
            .arg(all.bytes)
            .arg(expired.assets)
            .arg(expired.bytes)};
    for (auto type = types.cbegin(); type != types.cend(); ++type) {
        byType.push_back(
            {{"mime_type", type.key()}, {"assets", type->assets}, {"bytes", type->bytes}});
        text << QStringLiteral("%1: %2 of %3 bytes")
                    .arg(type.key())
                    .arg(type->assets)
                    .arg(type->bytes);
    }
    result.structured = {{"assets", all.assets},
                         {"bytes", all.bytes},
                         {"expired_assets", expired.assets},
                         {"expired_bytes", expired.bytes},
                         {"by_type", std::move(byType)}};
    result.text = text.join(QLatin1Char('\n'));
    co_return result;
}

Json assetObject(const Json &more)
{
    Json properties{{"asset", {{"type", "string"}}},
                    {"path", {{"type", "string"}}},
                    {"mime_type", {{"type", "string"}}},
                    {"bytes", {{"type", "integer"}}}};
    properties.update(more);
    return {{"type", "object"},
            {"properties", std::move(properties)},
            {"required", Json::array({"asset", "path", "mime_type", "bytes"})}};
}

mcp::Tool readTool(const Services &services)
{
    const Json number{{"type", "integer"}, {"minimum", 1}};
    return {
        .name = QStringLiteral("read_asset"),
        .title = QStringLiteral("Read asset"),
        .description = QStringLiteral(
            "Lines of a big text output: a range, those that match a regular expression, or "
            "both. Example: {\"asset\": \"0123456789abcdef0123456789abcdef.txt\", \"search\": "
            "\"(?i)error\", \"lines\": [1, 500]}"),
        .inputSchema = object(
            {{"asset", assetSchema()},
             {"lines",
              {{"type", "array"},
               {"items", number},
               {"minItems", 2},
               {"maxItems", 2},
               {"description", "[first, last], counted from 1"}}},
             {"search", described("string", "A regular expression (Perl's); (?i) ignores case")},
             {"max_lines",
              {{"type", "integer"},
               {"minimum", 1},
               {"maximum", MaxLines},
               {"default", DefaultLines}}}},
            Json::array({"asset"})),
        .outputSchema = assetObject(
            {{"lines",
              {{"type", "array"},
               {"items",
                {{"type", "object"},
                 {"properties",
                  {{"number", {{"type", "integer"}}}, {"text", {{"type", "string"}}}}}}}}},
             {"total_lines", {{"type", "integer"}}},
             {"more", {{"type", "boolean"}}}}),
        .readOnly = true,
        .idempotent = true,
        .call = toolFunction(readAsset, services)};
}

}  // namespace

void addAssetTools(mcp::ToolRegistry &registry, const Services &services)
{
    registry.add(readTool(services));
    const Json onlyAsset = object({{"asset", assetSchema()}}, Json::array({"asset"}));
    registry.add(
        {.name = QStringLiteral("peek_asset"),
         .title = QStringLiteral("Look at an image"),
         .description = QStringLiteral(
             "An image asset as image content, made small enough for a model: at most 1,024 pixels "
             "and 200 kB. Example: {\"asset\": \"0123456789abcdef0123456789abcdef.png\"}"),
         .inputSchema = onlyAsset,
         .outputSchema = assetObject(
             {{"shown_mime_type", {{"type", "string"}}}, {"shown_bytes", {{"type", "integer"}}}}),
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(peekAsset, services)});
    registry.add(
        {.name = QStringLiteral("get_asset_content"),
         .title = QStringLiteral("Content of an asset"),
         .description = QStringLiteral(
             "The whole of an asset of at most 1 MiB: a text as it is, anything else in base64. "
             "Example: {\"asset\": \"0123456789abcdef0123456789abcdef.html\"}"),
         .inputSchema = onlyAsset,
         .outputSchema = assetObject({{"encoding", {{"enum", Json::array({"utf-8", "base64"})}}},
                                      {"content", {{"type", "string"}}}}),
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(assetContent, services)});
    const Json number{{"type", "integer"}};
    registry.add(
        {.name = QStringLiteral("get_assets_summary"),
         .title = QStringLiteral("Assets in numbers"),
         .description = QStringLiteral(
             "How many assets there are and how big they are, by type; of one notebook or of all. "
             "Example: {\"notebook_path\": \"analysis.ipynb\"}"),
         .inputSchema = object({{"notebook_path", pathSchema()}}, Json::array()),
         .outputSchema = {{"type", "object"},
                          {"properties",
                           {{"assets", number},
                            {"bytes", number},
                            {"expired_assets", number},
                            {"expired_bytes", number},
                            {"by_type", {{"type", "array"}, {"items", {{"type", "object"}}}}}}},
                          {"required", Json::array({"assets", "bytes"})}},
         .readOnly = true,
         .idempotent = true,
         .call = toolFunction(assetsSummary, services)});
}

}  // namespace celldeck::tools
