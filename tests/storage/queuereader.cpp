#include "queuereader.h"

#include "support/await.h"

using namespace celldeck::storage;

namespace celldeck::test {

namespace {

constexpr int ViewColumns = 12;

}  // namespace

Result<QList<TaskRecord>> readPages(TaskStore &store)
{
    QList<TaskRecord> all;
    TaskFilter page;
    page.limit = 37;
    for (;;) {
        const auto some = await(store.list(page));
        if (!some)
            return some;
        if (some->isEmpty())
            return all;
        all << *some;
        page.before = some->last().id;
    }
}

Result<std::map<QString, QueueModel::Kernel>> readKernels(KernelStore &store)
{
    std::map<QString, QueueModel::Kernel> kernels;
    const auto recorded = await(store.load());
    if (!recorded)
        return fail(recorded.error());
    for (const KernelRecord &kernel : *recorded)
        kernels.emplace(kernel.notebookPath,
                        kernel.isLost() ? QueueModel::Kernel::Lost : QueueModel::Kernel::Works);
    return kernels;
}

Result<std::map<QString, QStringList>> readView(Database &database)
{
    using Rows = std::map<QString, QStringList>;
    return await(database.read<Rows>([](Connection &connection) -> Result<Rows> {
        Rows found;
        const Result<> read = connection.query(QStringLiteral("SELECT * FROM execution_queue"), {},
                                               [&found](const Row &row) {
                                                   QStringList values;
                                                   for (int i = 0; i < ViewColumns; ++i)
                                                       values << row.text(i);
                                                   found.emplace(row.text(0), values);
                                               });
        if (!read)
            return fail(read.error());
        return found;
    }));
}

Result<std::set<QString>> readNotebooks(Database &database)
{
    using Paths = std::set<QString>;
    return await(database.read<Paths>([](Connection &connection) -> Result<Paths> {
        Paths found;
        const Result<> read =
            connection.query(QStringLiteral("SELECT path FROM notebook"), {},
                             [&found](const Row &row) { found.insert(row.text(0)); });
        if (!read)
            return fail(read.error());
        return found;
    }));
}

QStringList viewRow(const TaskDetail &detail)
{
    const TaskRecord &task = detail.task;
    const auto time = [](const std::optional<UtcTime> &at) { return at ? toIso(*at) : QString(); };
    return {nameOf(task),
            task.notebookPath,
            QString::number(task.cellIndex),
            task.code,
            toText(task.state),
            toIso(task.createdAt),
            time(task.startedAt),
            time(task.finishedAt),
            task.error,
            task.executionCount ? QString::number(*task.executionCount) : QString(),
            QString::fromUtf8(detail.outputs),
            QString::number(task.retries)};
}

}  // namespace celldeck::test
