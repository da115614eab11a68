#include <QDir>
#include <QProcess>

#include "bench/baresqlite.h"
#include "bench/bench.h"
#include "storage/database.h"
#include "storage/schema.h"
#include "storage/stores.h"
#include "storage/taskcleaner.h"
#include "support/await.h"
#include "tasks/taskqueue.h"

using namespace celldeck::storage;
using celldeck::test::await;

namespace celldeck::bench {

namespace {

constexpr int RowsACommit = 64;

/// The real queue on a real database. Paused: what is measured is the storage, no kernel.
struct Ours
{
    explicit Ours(const QString &folder)
        : database(folder + QStringLiteral("/ours.db")),
          stores(database),
          queue(stores, clock, {.runtimeDirectory = folder})
    {
        must(database.open());
        must(await(queue.setFlow({}, Flow::Paused)));
    }

    SystemClock clock;
    Database database;
    Stores stores;
    tasks::TaskQueue queue;
};

/// One client: submits, waits for the answer, submits.
QCoro::Task<> client(tasks::TaskQueue *queue, QList<TaskDraft> drafts, const TaskScope *scope,
                     QList<double> *latencies, Waiter<> done)
{
    for (TaskDraft &draft : drafts) {
        const auto begun = std::chrono::steady_clock::now();
        const auto submitting = queue->submit({std::move(draft)});
        const Result<QList<TaskRecord>> task = co_await submitting.wait(*scope);
        if (!task)
            giveUp(task.error().message);
        if (latencies)
            latencies->append(
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    }
    done.resolve({});
}

QList<TaskDraft> draftsOf(int notebook, int count)
{
    QList<TaskDraft> drafts;
    for (int i = 0; i < count; ++i)
        drafts << draftOf(notebook, i);
    return drafts;
}

double oursConcurrently(const Scale &scale, const QString &folder)
{
    Ours ours(folder);
    std::vector<QList<TaskDraft>> drafts;
    for (int i = 0; i < scale.clients; ++i)
        drafts.push_back(draftsOf(i, scale.submissions));
    const double took = seconds([&] {
        TaskScope scope;
        std::vector<Waiter<>> ends;
        for (QList<TaskDraft> &some : drafts) {
            ends.emplace_back();
            scope.start(client(&ours.queue, std::move(some), &scope, nullptr, ends.back()));
        }
        for (const Waiter<> &end : ends)
            must(await(end));
    });
    if (must(await(ours.stores.tasks.stats(ours.clock.now()))).pending !=
        scale.clients * scale.submissions)
        giveUp(QStringLiteral("submissions were lost"));
    return took;
}

double oursAlone(int commits, const QString &folder)
{
    Ours ours(folder);
    QList<TaskDraft> drafts = draftsOf(0, commits);
    return seconds([&] {
        TaskScope scope;
        const Waiter<> end;
        scope.start(client(&ours.queue, std::move(drafts), &scope, nullptr, end));
        must(await(end));
    });
}

double bare(const QList<TaskDraft> &drafts, int rowsACommit, const QString &folder)
{
    BareSqlite database(folder + QStringLiteral("/bare.db"));
    for (const QStringList &step : migrations()) {
        for (const QString &statement : step)
            database.run(statement.toUtf8().constData());
    }
    database.run("INSERT INTO notebook(path) VALUES('/home/somebody/notebooks/a.ipynb')");
    const auto rows = BareSqlite::rowsOf(drafts);
    return seconds([&] {
        int open = 0;
        for (const BareSqlite::Rows &one : rows) {
            if (open == 0)
                database.run("BEGIN IMMEDIATE");
            database.insert(one);
            if (++open == rowsACommit) {
                database.run("COMMIT");
                open = 0;
            }
        }
        if (open > 0)
            database.run("COMMIT");
    });
}

double pythonWay(int rows, const QString &folder)
{
    QProcess python;
    python.start(QStringLiteral("/usr/bin/python3"),
                 {QStringLiteral(PYTHON_WAY), folder, QString::number(rows)});
    python.waitForFinished(-1);
    bool isNumber = false;
    const double took = python.readAllStandardOutput().trimmed().toDouble(&isNumber);
    if (!isNumber)
        giveUp(QString::fromUtf8(python.readAllStandardError()));
    return took;
}

}  // namespace

Aims submissions(const Scale &scale, const QString &folder)
{
    const int rows = scale.clients * scale.submissions;
    QList<double> ofPython;
    QList<double> ofBare;
    QList<double> ours;
    for (int round = 0; round < scale.rounds; ++round) {
        ofPython << scale.pythonRows / pythonWay(scale.pythonRows, newFolder(folder));
        ofBare << rows / bare(draftsOf(0, rows), RowsACommit, newFolder(folder));
        ours << rows / oursConcurrently(scale, newFolder(folder));
    }
    std::printf("%d clients: %.0f submissions/s; bare SQLite, 64 rows a commit: %.0f/s; the Python "
                "way: %.0f/s\n",
                scale.clients, median(ours), median(ofBare), median(ofPython));
    return {{QStringLiteral("64 clients / the Python way"), median(ours) / median(ofPython),
             Aim::Kind::AtLeast, 15},
            {QStringLiteral("64 clients / bare SQLite, 64 rows a commit"),
             median(ours) / median(ofBare), Aim::Kind::AtLeast, 0.6}};
}

Aims oneClient(const Scale &scale, const QString &folder)
{
    QList<double> ofBare;
    QList<double> ours;
    for (int round = 0; round < scale.rounds; ++round) {
        ofBare << scale.commits / bare(draftsOf(0, scale.commits), 1, newFolder(folder));
        ours << scale.commits / oursAlone(scale.commits, newFolder(folder));
    }
    std::printf("one client: %.0f submissions/s; bare SQLite, a row a commit: %.0f/s\n",
                median(ours), median(ofBare));
    return {{QStringLiteral("one client / bare SQLite, a row a commit"),
             median(ours) / median(ofBare), Aim::Kind::AtLeast, 0.8}};
}

}  // namespace celldeck::bench
