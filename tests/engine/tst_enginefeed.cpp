#include <QFile>
#include <QProcess>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>
#include <cstdio>

#include "engine/engine.h"
#include "storage/taskrecord.h"
#include "support/await.h"
#include "tasks/taskqueue.h"

using namespace celldeck;
using namespace celldeck::storage;
using celldeck::test::await;

namespace {

EngineOptions optionsFor(const QString &folder)
{
    EngineOptions options;
    options.dataDirectory = folder + QStringLiteral("/data");
    options.workspace = folder;
    options.port = 0;
    return options;
}

/// A process of its own, to be killed: its cell asks when the file `asks` is there. Prints the
/// task's id when it has begun.
int hostEngine(const QString &folder)
{
    Engine engine(optionsFor(folder));
    TaskDraft draft;
    draft.notebookPath = folder + QStringLiteral("/a.ipynb");
    draft.kernelName = QStringLiteral("python3");
    draft.code = QStringLiteral(
        "import os, time\n"
        "while not os.path.exists('asks'): time.sleep(.01)\n"
        "print('hello', input('who?'))");
    if (!await(engine.start()))
        return 1;
    const auto tasks = await(engine.queue().submit({draft}));
    if (!tasks || !await(engine.queue().begun(tasks->first().id)))
        return 1;
    std::printf("%lld\n", static_cast<long long>(tasks->first().id.value()));
    std::fflush(stdout);
    return QCoreApplication::exec();
}

}  // namespace

/// What the console sees of a whole engine with a real kernel.
class TestEngineFeed : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aQuestionThatNobodyHasHeardIsOffered();
};

/// The task is looked at before its kernel is heard again.
void TestEngineFeed::aQuestionThatNobodyHasHeardIsOffered()
{
    QTemporaryDir dir;
    QProcess first;
    first.start(QCoreApplication::applicationFilePath(), {QStringLiteral("--host"), dir.path()});
    QTRY_VERIFY_WITH_TIMEOUT(first.canReadLine(), 60'000);
    const TaskId id(first.readLine().toLongLong());
    first.kill();
    QVERIFY(first.waitForFinished());
    QFile file(dir.filePath(QStringLiteral("asks")));
    QVERIFY(file.open(QIODevice::WriteOnly));

    Engine engine(optionsFor(dir.path()));
    QList<InputQuestion> questions;
    connect(&engine.feed(), &Feed::inputRequested, this,
            [&questions](const InputQuestion &question) { questions << question; });
    const QSignalSpy changes(&engine.feed(), &Feed::tasksChanged);  // Somebody listens.
    engine.feed().watchTask(id);                                    // Which is to be read later.
    QVERIFY(await(engine.start()));
    const auto end = qScopeGuard([&engine] { (void)await(engine.stop()); });  // and the kernel
    QTRY_VERIFY_WITH_TIMEOUT(!questions.isEmpty(), 30'000);
    QCOMPARE(questions.first().id, id);
    QVERIFY(questions.first().isUnheard);
    engine.feed().answerInput(id, QStringLiteral("Ada"));
    QCOMPARE(await(engine.queue().finished(id))->state, TaskState::Completed);
    const auto detail = await(engine.store().load(id));
    QVERIFY(detail);
    QVERIFY(detail->outputs.contains("hello Ada"));
}

int main(int argc, char *argv[])
{
    QCoreApplication app(argc, argv);
    const QStringList arguments = QCoreApplication::arguments();
    if (arguments.size() == 3 && arguments.at(1) == QLatin1String("--host"))
        return hostEngine(arguments.at(2));
    TestEngineFeed test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_enginefeed.moc"
