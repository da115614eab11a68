#include <QDir>
#include <QProcess>
#include <semaphore>
#include <thread>

#include "async/background.h"
#include "async/sleep.h"
#include "bench/baresqlite.h"
#include "bench/ours.h"
#include "storage/maintenance.h"
#include "storage/taskcleaner.h"

using namespace celldeck::storage;
using celldeck::test::await;

namespace celldeck::bench {

namespace {

constexpr int RowsACommit = 64;

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

/// Goes on until it is told to stop.
QCoro::Task<> steadyClient(tasks::TaskQueue *queue, int notebook, const bool *isOver,
                           const TaskScope *scope, QList<double> *latencies, Waiter<> done)
{
    for (int i = 0; !*isOver; ++i) {
        const auto begun = std::chrono::steady_clock::now();
        const auto submitting = queue->submit({draftOf(notebook, i)});
        const Result<QList<TaskRecord>> task = co_await submitting.wait(*scope);
        if (!task)
            giveUp(task.error().message);
        latencies->append(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    }
    done.resolve({});
}

/// The latencies of submissions from eight clients, for as long as `work` takes.
QList<double> latenciesBeside(Ours &ours, const std::function<void()> &work)
{
    constexpr int Clients = 8;
    QList<double> latencies;
    bool isOver = false;
    TaskScope scope;
    std::vector<Waiter<>> ends;
    for (int i = 0; i < Clients; ++i) {
        ends.emplace_back();
        scope.start(steadyClient(&ours.queue, i, &isOver, &scope, &latencies, ends.back()));
    }
    work();
    isOver = true;
    for (const Waiter<> &end : ends)
        must(await(end));
    return latencies;
}

double bare(const QList<TaskDraft> &drafts, int rowsACommit, const QString &folder)
{
    BareSqlite database(folder + QStringLiteral("/bare.db"));
    database.makeSchema();
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

/// The same a row a commit, by a thread of its own that is woken for each row and wakes the caller
/// for each answer: the least that whoever does not wait for the disk itself has to pay.
double bareInItsThread(const QList<TaskDraft> &drafts, const QString &folder)
{
    BareSqlite database(folder + QStringLiteral("/bare.db"));
    database.makeSchema();
    const auto rows = BareSqlite::rowsOf(drafts);
    std::binary_semaphore asked(0);
    std::binary_semaphore answered(0);
    std::thread writer([&] {
        for (const BareSqlite::Rows &one : rows) {
            asked.acquire();
            database.run("BEGIN IMMEDIATE");
            database.insert(one);
            database.run("COMMIT");
            answered.release();
        }
    });
    const double took = seconds([&] {
        for (std::size_t i = 0; i < rows.size(); ++i) {
            asked.release();
            answered.acquire();
        }
    });
    writer.join();
    return took;
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
    std::printf(
        "%d clients: %.0f submissions/s; bare SQLite, 64 rows a commit: %.0f/s; the Python "
        "way: %.0f/s\n",
        scale.clients, median(ours), median(ofBare), median(ofPython));
    return {{QStringLiteral("64 clients / the Python way"), ratio(ours, ofPython),
             Aim::Kind::AtLeast, 15},
            {QStringLiteral("64 clients / bare SQLite, 64 rows a commit"), ratio(ours, ofBare),
             Aim::Kind::AtLeast, 0.6}};
}

Aims profile(const Scale &scale, const QString &folder)
{
    QList<double> ours;
    for (int round = 0; round < scale.rounds; ++round)
        ours << scale.clients * scale.submissions / oursConcurrently(scale, newFolder(folder));
    std::printf("%d clients: %.0f submissions/s\n", scale.clients, median(ours));
    return {};
}

Aims besideCleanup(const Scale &scale, const QString &folder)
{
    QList<double> ratios;
    QList<double> quiet;
    QList<double> beside;
    for (int round = 0; round < scale.rounds; ++round) {
        const QString place = newFolder(folder);
        {
            BareSqlite database(place + QStringLiteral("/ours.db"));
            database.makeSchema();
            database.fill(scale.cleaned);
        }
        Ours ours(place, {.pendingInNotebook = 100'000'000, .pendingInAll = 100'000'000});
        TaskCleaner cleaner(ours.database, ours.stores.tasks);
        std::int64_t removed = 0;
        const auto clean = [&] {
            removed = must(await(cleaner.runOnce({.completed = std::chrono::hours(0)},
                                                 CleanupMode::Remove, ours.clock.now())))
                          .tasks;
        };
        QList<double> during;
        const double took = seconds([&] { during = latenciesBeside(ours, clean); });
        if (removed != scale.cleaned)
            giveUp(QStringLiteral("%1 tasks were removed").arg(removed));
        const QList<double> without = latenciesBeside(ours, [took] {
            const TaskScope scope;
            (void)await(sleepFor(scope, Milliseconds(qint64(took * 1'000))));
        });
        quiet << percentile(without, 0.99) * 1'000;
        beside << percentile(during, 0.99) * 1'000;
        ratios << beside.last() / quiet.last();
    }
    std::printf("p99 of a submission, 8 clients: %.1f ms; while %d tasks are cleaned up: %.1f ms\n",
                median(quiet), scale.cleaned, median(beside));
    return {{QStringLiteral("p99 of a submission during a cleanup / without"), median(ratios),
             Aim::Kind::Shown, 0}};
}

namespace {

struct Beside
{
    QList<double> quiet = {};
    QList<double> during = {};
    QList<double> took = {};
};

/// The p99 of submissions while a copy of so many tasks is made, and without.
Beside besideCopy(const Scale &scale, const QString &folder,
                  const std::function<Result<>(const QString &file)> &copy)
{
    Beside beside;
    for (int round = 0; round < scale.rounds; ++round) {
        const QString place = newFolder(folder);
        const QString file = place + QStringLiteral("/ours.db");
        {
            BareSqlite database(file);
            database.makeSchema();
            database.fill(scale.many);
        }
        Ours ours(place, {.pendingInNotebook = 100'000'000, .pendingInAll = 100'000'000});
        const auto backUp = [&file, &copy] {
            must(await(inBackground<void>([file, copy] { return copy(file); })));
        };
        QList<double> during;
        beside.took << seconds([&] { during = latenciesBeside(ours, backUp); });
        const QList<double> without =
            latenciesBeside(ours, [seconds = std::min(5.0, beside.took.last())] {
                const TaskScope scope;
                (void)await(sleepFor(scope, Milliseconds(qint64(seconds * 1'000))));
            });
        beside.quiet << percentile(without, 0.99) * 1'000;
        beside.during << percentile(during, 0.99) * 1'000;
    }
    return beside;
}

}  // namespace

Aims besideBackup(const Scale &scale, const QString &folder)
{
    struct Way
    {
        QString name;
        std::function<Result<>(const QString &)> copy;
    };
    const Way ways[] = {{QStringLiteral("a backup"),
                         [](const QString &file) {
                             return storage::backUp(file, file + QStringLiteral(".backup"), {});
                         }},
                        {QStringLiteral("VACUUM INTO"), [](const QString &file) -> Result<> {
                             auto connection = Connection::open(file, Connection::Mode::Read);
                             if (!connection)
                                 return fail(connection.error());
                             return (*connection)
                                 ->queryOnce(QStringLiteral("VACUUM INTO ?"),
                                             {QVariant(file + QStringLiteral(".backup"))},
                                             [](const Row &) {});
                         }}};
    Aims aims;
    for (const Way &way : ways) {
        const Beside beside = besideCopy(scale, folder, way.copy);
        std::printf(
            "p99 of a submission, 8 clients: %.1f ms; during %s of %d tasks, %.1f s: "
            "%.1f ms\n",
            median(beside.quiet), qUtf8Printable(way.name), scale.many, median(beside.took),
            median(beside.during));
        aims << Aim{QStringLiteral("p99 of a submission during %1 / without").arg(way.name),
                    median(beside.during) / median(beside.quiet), Aim::Kind::Shown, 0};
    }
    return aims;
}

Aims oneClient(const Scale &scale, const QString &folder)
{
    QList<double> ofBare;
    QList<double> ofItsThread;
    QList<double> ours;
    for (int round = 0; round < scale.rounds; ++round) {
        const QList<TaskDraft> drafts = draftsOf(0, scale.commits);
        ofBare << scale.commits / bare(drafts, 1, newFolder(folder));
        ofItsThread << scale.commits / bareInItsThread(drafts, newFolder(folder));
        ours << scale.commits / oursAlone(scale.commits, newFolder(folder));
    }
    std::printf(
        "one client: %.0f submissions/s; bare SQLite, a row a commit: %.0f/s; the same in a thread "
        "of its own: %.0f/s\n",
        median(ours), median(ofBare), median(ofItsThread));
    return {{QStringLiteral("one client / bare SQLite, a row a commit"), ratio(ours, ofBare),
             Aim::Kind::AtLeast, 0.8},
            {QStringLiteral("bare SQLite in a thread of its own / the same in the caller's"),
             ratio(ofItsThread, ofBare), Aim::Kind::Shown, 0},
            {QStringLiteral("one client / bare SQLite in a thread of its own"),
             ratio(ours, ofItsThread), Aim::Kind::Shown, 0}};
}

}  // namespace celldeck::bench
