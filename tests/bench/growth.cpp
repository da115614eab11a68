#include "bench/baresqlite.h"
#include "bench/ours.h"
#include "engine/engine.h"

using namespace celldeck::storage;
using celldeck::test::await;

namespace celldeck::bench {

namespace {

/// As many as may wait in one notebook.
constexpr int InOneNotebook = 1'000;

void makePending(int tasks, const QString &file)
{
    Database database(file);
    Stores stores(database);
    must(database.open());
    must(await(stores.orders.setFlow({}, Flow::Paused)));
    for (int first = 0; first < tasks; first += InOneNotebook) {
        QList<TaskDraft> drafts;
        for (int i = 0; i < std::min(InOneNotebook, tasks - first); ++i)
            drafts << draftOf(first / InOneNotebook, i);
        must(await(stores.tasks.insert(drafts, SystemClock().now())));
    }
}

double restored(int tasks, const QString &folder)
{
    EngineOptions options;
    options.dataDirectory = folder;
    options.workspace = folder;
    options.port = 0;
    std::optional<Engine> engine;
    const double took = seconds([&] {
        engine.emplace(options);
        must(await(engine->start()));
    });
    if (!engine->endpoint().listening)
        giveUp(engine->endpoint().error);
    if (must(await(engine->store().stats(engine->clock().now()))).pending != tasks)
        giveUp(QStringLiteral("tasks were lost"));
    must(await(engine->stop()));
    return took;
}

double bareRead(int tasks, const QString &file)
{
    std::int64_t rows = 0;
    const double took = seconds([&] { rows = BareSqlite(file).readUnfinished(); });
    if (rows != tasks)
        giveUp(QStringLiteral("%1 rows were read").arg(rows));
    return took;
}

/// How long it takes until the store has answered.
template <class Ask>
double asked(const Ask &ask)
{
    return seconds([&] { must(await(ask())); });
}

struct Shelf
{
    Shelf(int tasks, const QString &folder) : database(filled(tasks, folder)), store(database)
    {
        must(database.open());
    }
    static QString filled(int tasks, const QString &folder)
    {
        const QString file = folder + QStringLiteral("/many.db");
        BareSqlite bare(file);
        bare.makeSchema();
        bare.fill(tasks);
        return file;
    }
    Database database;
    TaskStore store;
};

}  // namespace

Aims restoring(const Scale &scale, const QString &folder)
{
    makePending(scale.pending, databaseFile(folder));
    QList<double> ofBare;
    QList<double> ours;
    for (int round = 0; round < scale.rounds; ++round) {
        ofBare << bareRead(scale.pending, databaseFile(folder));
        ours << restored(scale.pending, folder);
    }
    std::printf(
        "%d pending tasks restored and the endpoint open: %.0f ms; bare SQLite reads them: "
        "%.0f ms\n",
        scale.pending, median(ours) * 1'000, median(ofBare) * 1'000);
    return {{QStringLiteral("restored, endpoint open / bare SQLite reads the rows"),
             ratio(ours, ofBare), Aim::Kind::AtMost, 2}};
}

Aims pages(const Scale &scale, const QString &folder)
{
    constexpr int Few = 1'000;
    constexpr int Times = 50;
    Shelf few(Few, newFolder(folder));
    Shelf many(scale.many, newFolder(folder));
    struct Question
    {
        QString name;
        std::function<double(Shelf &)> ask;
        QList<double> ofFew = {};
        QList<double> ofMany = {};
    };
    const auto page = [](QList<TaskState> states) {
        TaskFilter filter;
        filter.states = std::move(states);
        return [filter](Shelf &shelf) { return asked([&] { return shelf.store.list(filter); }); };
    };
    std::vector<Question> questions{
        {.name = QStringLiteral("stats"),
         .ask =
             [](Shelf &shelf) {
                 return asked([&] { return shelf.store.stats(SystemClock().now()); });
             }},
        {.name = QStringLiteral("first page"), .ask = page({})},
        {.name = QStringLiteral("first page of the pending"), .ask = page({TaskState::Pending})},
        {.name = QStringLiteral("first page of the failed"), .ask = page({TaskState::Failed})}};
    for (int i = 0; i < scale.rounds * Times; ++i) {
        for (Question &question : questions) {
            question.ofFew << question.ask(few);
            question.ofMany << question.ask(many);
        }
    }
    Aims aims;
    for (const Question &question : questions) {
        std::printf("%s of %d tasks: %.0f us; of %d: %.0f us\n", qUtf8Printable(question.name),
                    scale.many, median(question.ofMany) * 1e6, Few, median(question.ofFew) * 1e6);
        aims << Aim{
            QStringLiteral("%1 of %2 tasks / of %3").arg(question.name).arg(scale.many).arg(Few),
            median(question.ofMany) / median(question.ofFew), Aim::Kind::AtMost, 2};
    }
    return aims;
}

}  // namespace celldeck::bench
