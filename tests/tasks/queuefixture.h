#pragma once

#include <QStringList>

#include "storage/database.h"
#include "tasks/taskqueue.h"

namespace celldeck::test {

/// The queue with a real kernel and a real database, in a folder.
struct QueueFixture
{
    explicit QueueFixture(const QString &folder,
                          kernels::KernelLife life = kernels::KernelLife::WithEngine)
        : database(folder + QStringLiteral("/state.db")),
          stores(database),
          queue(stores, clock,
                {.runtimeDirectory = folder + QStringLiteral("/rt"),
                 .shutdownGrace = Milliseconds(2'000),
                 .life = life,
                 .allowStdin = true,
                 .inputLimit = Milliseconds(1'000)})
    {
        QObject::connect(&queue, &tasks::TaskQueue::taskChanged, &queue,
                         [this](const storage::TaskRecord &task) {
                             log << QStringLiteral("%1 %2").arg(
                                 task.code.section(QLatin1Char('\n'), 0, 0), toText(task.state));
                         });
        opened = database.open();
    }
    SystemClock clock;
    storage::Database database;
    storage::Stores stores;
    storage::TaskStore &store = stores.tasks;
    tasks::TaskQueue queue;
    Result<> opened;
    QStringList log;
};

inline storage::TaskDraft draft(const QString &notebook, const QString &code)
{
    storage::TaskDraft made;
    made.notebookPath = notebook;
    made.code = code;
    made.kernelName = QStringLiteral("python3");
    return made;
}

}  // namespace celldeck::test
