#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>
#include <cstdio>

#include "commands.h"
#include "querycommands.h"
#include "queueaccess.h"
#include "storage/pythonqueue.h"

namespace celldeck::app {

using storage::ImportedTask;
using storage::PythonQueue;
using storage::SkippedTask;

namespace {

// What one request to a running engine may hold, with room to spare: CONTRACT.md section 7.
constexpr qsizetype RequestBytes = 12 * 1024 * 1024;

struct Totals
{
    std::int64_t imported = 0;
    std::int64_t pending = 0;
    std::int64_t present = 0;
    QList<SkippedTask> skipped;

    void add(const Json &answer)
    {
        imported += findInt(answer, "imported").value_or(0);
        pending += findInt(answer, "pending").value_or(0);
        present += findInt(answer, "present").value_or(0);
        if (const Json *more = find(answer, "skipped")) {
            for (const Json &one : *more)
                skipped.append(
                    {.key = celldeck::textOf(one, "task_id"), .why = celldeck::textOf(one, "why")});
        }
    }
};

/// The path of a notebook as the queue knows it; relative ones are relative to the workspace.
QString pathIn(const QString &workspace, const QString &path)
{
    const QString whole = QDir::cleanPath(QDir(workspace).absoluteFilePath(path));
    const QString canonical = QFileInfo(whole).canonicalFilePath();
    return canonical.isEmpty() ? whole : canonical;
}

/// Takes over one file, batch after batch.
class Import
{
public:
    Import(QueueAccess &access, PythonQueue &queue, QString source)
        : m_access(access), m_queue(queue), m_source(std::move(source))
    {}

    QCoro::Task<Result<>> run()
    {
        for (;;) {
            Result<PythonQueue::Batch> batch = m_queue.next();
            if (!batch)
                co_return fail(ErrorCode::StorageUnavailable,
                               QStringLiteral("%1 cannot be read any further: %2")
                                   .arg(m_source, batch.error().message));
            m_totals.skipped += batch->skipped;
            const bool isLast = batch->isLast;
            const Result<> given = co_await giveAll(std::move(batch->tasks));
            if (!given || isLast)
                co_return given;
        }
    }

    [[nodiscard]] const Totals &totals() const { return m_totals; }

private:
    /// In requests that an engine takes; with none running, in one.
    QCoro::Task<Result<>> giveAll(QList<ImportedTask> tasks)
    {
        QList<ImportedTask> some;
        qsizetype bytes = 0;
        for (ImportedTask &task : tasks) {
            const qsizetype size = m_access.isAlone() ? 0 : toBytes(storage::toJson(task)).size();
            if (size > RequestBytes) {
                m_totals.skipped.append(
                    {.key = task.draft.key,
                     .why = QStringLiteral("it is too large for a request to the engine that runs: "
                                           "end that one, and import again")});
                continue;
            }
            if (bytes + size > RequestBytes) {
                const Result<> given = co_await give(std::exchange(some, {}));
                if (!given)
                    co_return given;
                bytes = 0;
            }
            bytes += size;
            some.append(std::move(task));
        }
        const Result<> given = co_await give(std::move(some));
        co_return given;
    }

    QCoro::Task<Result<>> give(QList<ImportedTask> tasks)
    {
        if (tasks.isEmpty())
            co_return Result<>{};
        const Result<Answer> answer =
            co_await m_access.importTasks(std::move(tasks), m_source, m_begun);
        if (!answer)
            co_return fail(answer.error());
        m_totals.add(answer->json);
        co_return Result<>{};
    }

    QueueAccess &m_access;
    PythonQueue &m_queue;
    const QString m_source;
    const UtcTime m_begun = SystemClock().now();
    Totals m_totals;
};

void print(const Totals &totals, const PythonQueue &queue, bool asJson)
{
    if (asJson) {
        Json skipped = Json::array();
        for (const SkippedTask &task : totals.skipped)
            skipped.push_back({{"task_id", task.key}, {"why", task.why}});
        const Json json{{"imported", totals.imported},
                        {"pending", totals.pending},
                        {"present", totals.present},
                        {"skipped", std::move(skipped)},
                        {"leases_left", queue.leases()}};
        std::printf("%s\n", toBytes(json).constData());
        return;
    }
    const auto number = [](std::int64_t value) { return static_cast<long long>(value); };
    std::printf("%lld tasks imported, %lld of them to run; %lld were there already; %lld skipped\n",
                number(totals.imported), number(totals.pending), number(totals.present),
                number(totals.skipped.size()));
    for (const SkippedTask &task : totals.skipped)
        std::printf("skipped %s: %s\n", qUtf8Printable(task.key), qUtf8Printable(task.why));
    if (queue.leases() > 0)
        std::printf(
            "%lld leases of assets are left behind: Celldeck deletes no file that it has "
            "not made\n",
            number(queue.leases()));
}

QCoro::Task<> runImport(QueueAccess *access, Import *import, int *exitCode)
{
    Result<> done = co_await access->open();
    if (done)
        done = co_await import->run();
    co_await access->close();
    if (!done) {
        complain(done.error().message);
        *exitCode = done.error().code == ErrorCode::Cancelled ? Interrupted : Unfit;
    }
    QCoreApplication::quit();
}

}  // namespace

int importCommand(const QStringList &arguments)
{
    CommandLine line(
        QStringLiteral("import"),
        QStringLiteral("Takes over the Python server's database, pending tasks included. May be "
                       "repeated: what is there already is left alone. Pending tasks run in an "
                       "engine that runs, or when the next one starts; those that ran are "
                       "interrupted. The file is not changed."),
        {{"workspace", "DIR",
          QStringLiteral("The folder that relative paths in it are relative to"),
          QStringLiteral(".")},
         {"json", "", QStringLiteral("As one JSON object")}},
        QStringLiteral("STATE.db"), QStringLiteral("celldeck import ~/.mcp/sessions/state.db"));
    if (const auto code = line.parse(arguments))
        return *code;
    if (line.positional().size() != 1) {
        complain(QStringLiteral("name one file; see celldeck import --help"));
        return Usage;
    }
    const QString file = QFileInfo(line.positional().first()).absoluteFilePath();
    auto queue =
        PythonQueue::open(file, [workspace = line.value("workspace")](const QString &path) {
            return pathIn(workspace, path);
        });
    if (!queue)
        return complainAndExit(queue.error());
    QueueAccess access(line.dataDirectory());
    Import import(access, *queue, file);
    int exitCode = Done;
    TaskScope scope;
    // From within the loop, which else would not hear a quit that comes at once.
    QMetaObject::invokeMethod(
        qApp, [&] { scope.start(runImport(&access, &import, &exitCode)); }, Qt::QueuedConnection);
    QCoreApplication::exec();
    print(import.totals(), *queue, line.isSet("json"));
    return exitCode;
}

}  // namespace celldeck::app
