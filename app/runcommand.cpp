#include <QCoreApplication>
#include <cstdio>

#include "async/background.h"
#include "commandline.h"
#include "commands.h"
#include "notebooks/notebookfile.h"
#include "progress.h"
#include "runplan.h"
#include "signalwatcher.h"
#include "storage/taskstore.h"
#include "tasks/taskqueue.h"

namespace celldeck::app {

using storage::TaskId;
using storage::TaskRecord;
using storage::TaskState;

namespace {

// How many of a notebook's latest tasks are looked at for a replay.
constexpr int MaxReplayed = 1'000;

/// Runs a plan through an engine, one notebook after the other. Lives as long as the command.
class Runner
{
public:
    Runner(EngineOptions options, Progress::Form form) : m_progress(form), m_engine(options)
    {
        QObject::connect(&m_engine.queue(), &tasks::TaskQueue::taskChanged, &m_engine,
                         [this](const TaskRecord &task) {
                             if (task.id >= m_first)
                                 m_progress.show(task);
                         });
        QObject::connect(&m_engine.queue(), &tasks::TaskQueue::failed, &m_engine, complain);
        QObject::connect(&m_signals, &SignalWatcher::stopRequested, &m_engine,
                         [this] { interrupt(); });
    }

    int run(QList<PlannedRun> plan)
    {
        // From within the loop, which else would not hear a quit that comes at once.
        QMetaObject::invokeMethod(
            &m_engine, [this, &plan] { m_scope.start(runAll(std::move(plan))); },
            Qt::QueuedConnection);
        QCoreApplication::exec();
        return m_exitCode;
    }

private:
    QCoro::Task<> runAll(QList<PlannedRun> plan)
    {
        const Waiter<> starting = m_engine.start();
        const Result<> started = co_await starting.wait(m_scope);
        if (!started) {
            end(started.error());
            co_return;
        }
        for (const PlannedRun &one : plan) {
            if (m_interrupted)
                break;
            co_await runOne(one);
        }
        const Waiter<> stopping = m_engine.stop();
        const Result<> stopped = co_await stopping.wait(m_scope);
        if (!stopped)
            co_return;
        if (m_interrupted)
            m_exitCode = Interrupted;
        QCoreApplication::quit();
    }

    QCoro::Task<Result<QList<storage::TaskDraft>>> replays(PlannedRun plan)
    {
        storage::TaskFilter filter;
        filter.notebookPath = plan.source;
        filter.limit = MaxReplayed;
        const auto listing = m_engine.store().list(filter);
        const Result<QList<TaskRecord>> tasks = co_await listing.wait(m_scope);
        if (!tasks)
            co_return fail(tasks.error());
        const QList<storage::TaskDraft> drafts = tasks::replaysOf(*tasks, *plan.replay);
        if (drafts.isEmpty())
            co_return fail(
                ErrorCode::NotFound,
                QStringLiteral("%1 has not run yet: there is nothing to replay").arg(plan.source));
        co_return drafts;
    }

    QCoro::Task<> runOne(PlannedRun plan)
    {
        if (plan.replay) {
            const Result<QList<storage::TaskDraft>> drafts = co_await replays(plan);
            if (!drafts) {
                note(drafts.error());
                co_return;
            }
            plan.drafts = *drafts;
        }
        m_progress.beginNotebook(plan.source, plan.drafts.size());
        m_first = storage::firstIdAt(m_engine.clock().now());
        QList<TaskRecord> submitted;
        if (!plan.drafts.isEmpty()) {
            const auto submitting = m_engine.queue().submit(plan.drafts, storage::shellActor());
            const Result<QList<TaskRecord>> tasks = co_await submitting.wait(m_scope);
            if (!tasks) {
                note(tasks.error());
                co_return;
            }
            submitted = *tasks;
        }
        for (const TaskRecord &task : submitted)
            m_unfinished << task.id;
        if (m_interrupted)
            interrupt();
        TaskState worst = TaskState::Completed;
        for (const TaskRecord &task : submitted) {
            const auto ending = m_engine.queue().finished(task.id);
            const Result<TaskRecord> ended = co_await ending.wait(m_scope);
            if (!ended) {
                note(ended.error());
                co_return;
            }
            judge(*ended, task.stopOnError, worst);
        }
        m_unfinished.clear();
        Result<> written;
        if (!plan.target.isEmpty())
            written = co_await write(plan, submitted);
        if (!written)
            note({written.error().code,
                  written.error().message +
                      QStringLiteral("; its outputs are kept with its tasks (celldeck tasks)")});
        m_progress.endNotebook(toText(worst), written ? plan.target : QString());
    }

    void judge(const TaskRecord &ended, bool stopOnError, TaskState &worst)
    {
        if (ended.state == TaskState::Completed)
            return;
        if (worst == TaskState::Completed)
            worst = ended.state;
        // A cell that may raise has done nothing wrong when it has.
        if (ended.state == TaskState::Failed && !stopOnError && ended.executionCount)
            worst = worst == TaskState::Failed ? TaskState::Completed : worst;
        else
            raise(ended.state == TaskState::TimedOut ? TimedOut : Failed);
    }

    QCoro::Task<Result<>> write(PlannedRun plan, QList<TaskRecord> submitted)
    {
        QList<notebooks::CellResult> results;
        for (const TaskRecord &task : submitted) {
            const auto loading = m_engine.store().load(task.id);
            const Result<storage::TaskDetail> detail = co_await loading.wait(m_scope);
            if (!detail)
                co_return fail(detail.error());
            auto outputs = parseJson(detail->outputs);
            if (!outputs)
                co_return fail(outputs.error());
            if (detail->task.startedAt)
                results << notebooks::CellResult{.index = task.cellIndex,
                                                 .cellId = task.cellId,
                                                 .source = task.code,
                                                 .executionCount = detail->task.executionCount,
                                                 .outputs = std::move(*outputs)};
        }
        const auto writing = inBackground<QList<int>>([plan, results]() -> Result<QList<int>> {
            // In place, what a person has changed meanwhile stays: so the file is read again.
            if (plan.source == plan.target) {
                const auto now = notebooks::readNotebookText(plan.source);
                if (now && !plan.text.contains("injected-parameters"))
                    return notebooks::writeResults(plan.source, plan.target, results);
            }
            const auto merge = notebooks::mergeResults(plan.text, results);
            if (!merge)
                return fail(merge.error());
            const Result<> done = notebooks::writeAtomically(plan.target, merge->text);
            if (!done)
                return fail(done.error());
            return merge->missed;
        });
        const Result<QList<int>> missed = co_await writing.wait(m_scope);
        if (!missed)
            co_return fail(missed.error());
        for (const int index : *missed)
            complain(
                QStringLiteral("%1: cell %2 was changed while it ran: its outputs are kept with "
                               "its task only")
                    .arg(plan.target)
                    .arg(index));
        co_return Result<>{};
    }

    void interrupt()
    {
        m_interrupted = true;
        // The last first, so that none starts only to be cancelled.
        for (auto id = m_unfinished.crbegin(); id != m_unfinished.crend(); ++id)
            (void)m_engine.queue().cancel(*id, storage::shellActor());
    }

    void raise(ExitCode code)
    {
        if (m_exitCode == Done)
            m_exitCode = code;
    }

    void note(const Error &error)
    {
        complain(error.message);
        raise(exitCodeOf(error.code));
    }

    void end(const Error &error)
    {
        note(error);
        QCoreApplication::quit();
    }

    Progress m_progress;
    Engine m_engine;
    SignalWatcher m_signals;
    TaskId m_first{INT64_MAX};
    QList<TaskId> m_unfinished;
    bool m_interrupted = false;
    int m_exitCode = Done;
    TaskScope m_scope;
};

QList<CommandLine::Option> runOptions()
{
    return {
        {"output", "FILE",
         QStringLiteral("Where to write; a folder for several notebooks. "
                        "Without it: into the notebooks themselves")},
        {"kernel", "NAME", QStringLiteral("Kernelspec to use instead of the notebook's own")},
        {"timeout", "S", QStringLiteral("Seconds that one cell may take; then it is interrupted")},
        {"allow-errors", "", QStringLiteral("Go on after a cell that failed")},
        {"parameter", "NAME=VALUE",
         QStringLiteral("Sets a variable in a cell behind the one tagged \"parameters\"; may be "
                        "given again")},
        {"replay", "",
         QStringLiteral("Runs again what the queue remembers: the last run of each cell, in the "
                        "order and with the code of then, on a fresh kernel. The new tasks are "
                        "linked to the old ones; only --output writes a notebook")},
        {"json", "", QStringLiteral("Progress as JSON events on standard output")}};
}

}  // namespace

int runCommand(const QStringList &arguments)
{
    CommandLine line(
        QStringLiteral("run"),
        QStringLiteral("Runs notebooks through the queue and writes their outputs "
                       "back.\nExit codes: 0 done, 1 a cell failed, 2 usage or a bad "
                       "notebook, 3 no such kernel or no usable data folder, 4 timed "
                       "out, 130 interrupted."),
        runOptions(), QStringLiteral("NOTEBOOK..."),
        QStringLiteral("celldeck run report.ipynb --output done/ --parameter year=2026"));
    if (const auto code = line.parse(arguments))
        return *code;
    PlanOptions options;
    options.notebooks = line.positional();
    if (options.notebooks.isEmpty()) {
        complain(QStringLiteral("name a notebook; see celldeck run --help"));
        return Usage;
    }
    options.output = line.value("output");
    options.kernelName = line.value("kernel");
    options.parameters = line.values("parameter");
    options.replay = line.isSet("replay");
    if (options.replay && !options.parameters.isEmpty()) {
        complain(QStringLiteral("--parameter does not go with --replay, which runs what ran"));
        return Usage;
    }
    options.drafts.allowErrors = line.isSet("allow-errors");
    options.drafts.writeBack = false;  // All at once at the end, and perhaps elsewhere.
    if (const QString limit = line.value("timeout"); !limit.isEmpty()) {
        bool isNumber = false;
        const double seconds = limit.toDouble(&isNumber);
        if (!isNumber || seconds <= 0 || seconds > 1e9) {
            complain(QStringLiteral("--timeout is \"%1\": it should be a number of seconds above 0")
                         .arg(limit));
            return Usage;
        }
        options.drafts.limit = Milliseconds(static_cast<qint64>(seconds * 1000));
    }
    auto plan = makePlan(options);
    if (!plan) {
        complain(plan.error().message);
        return plan.error().code == ErrorCode::NoKernel ? Unfit : Usage;
    }
    EngineOptions engine;
    engine.dataDirectory = line.dataDirectory();
    // What is pending from before belongs to whoever hosts the engine.
    engine.recovery = tasks::Recovery::Leave;
    engine.endpoint = false;
    // Nobody reads the outputs a part at a time, and no folder appears beside the notebooks.
    engine.bigOutputs = BigOutputs::InRecord;
    Runner runner(engine, Progress::formFor(line.isSet("json")));
    return runner.run(std::move(*plan));
}

}  // namespace celldeck::app
