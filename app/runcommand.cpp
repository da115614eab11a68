#include <QCoreApplication>

#include "commandline.h"
#include "commands.h"
#include "runner.h"

namespace celldeck::app {

namespace {

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
                       "back. If an engine (celldeck serve, or the console) has the data folder, "
                       "they run in that one's queue; behind another celldeck run, they wait until "
                       "it has ended.\nExit codes: 0 done, 1 a cell failed, 2 usage or a bad "
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
    // What is too long for memory goes to the data folder.
    engine.bigOutputs = BigOutputs::InRecord;
    Runner runner(engine, Progress::formFor(line.isSet("json")));
    return runner.run(std::move(*plan));
}

}  // namespace celldeck::app
