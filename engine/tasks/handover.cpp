#include "tasks/handover.h"

#include "assets/partials.h"
#include "async/background.h"

namespace celldeck::tasks {

namespace {

struct Parsed
{
    Json outputs;
};

}  // namespace

QCoro::Task<Result<Outputs>> handOver(assets::AssetStore *assets, storage::TaskRecord task,
                                      Outputs outputs, const TaskScope *scope)
{
    if (!assets || !assets->mayTake(outputs.json))
        co_return Outputs{outputs.json, outputs.json};
    const auto parsing = inBackground<Parsed>([text = outputs.json]() -> Result<Parsed> {
        auto json = parseJson(text);
        if (!json)
            return fail(json.error());
        return Parsed{std::move(*json)};
    });
    const Result<Parsed> parsed = co_await parsing.wait(*scope);
    if (!parsed)
        co_return fail(parsed.error());
    const auto handing = assets->handOver(task.notebookPath, parsed->outputs, task.id);
    const Result<assets::HandedOver> handed = co_await handing.wait(*scope);
    if (!handed)
        co_return fail(handed.error());
    if (handed->isCut)
        co_return Outputs{toBytes(handed->record), toBytes(handed->whole), handed->partials};
    outputs.whole = outputs.json;
    co_return outputs;
}

void removePartials(const QStringList &paths)
{
    if (!paths.isEmpty())
        startInBackground([paths] { assets::removePartials(paths); });
}

}  // namespace celldeck::tasks
