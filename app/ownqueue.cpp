#include "ownqueue.h"

#include "storage/audit.h"
#include "storage/taskstore.h"
#include "tasks/taskqueue.h"

namespace celldeck::app {

using storage::TaskRecord;

OwnQueue::OwnQueue(const EngineOptions &options)
    : m_engine(options), m_first(storage::firstIdAt(m_engine.clock().now()))
{
    connect(&m_engine.queue(), &tasks::TaskQueue::taskChanged, this,
            [this](const TaskRecord &task) {
                if (task.id >= m_first)
                    Q_EMIT taskChanged(task);
            });
    connect(&m_engine.queue(), &tasks::TaskQueue::failed, this, &OwnQueue::told);
}

QCoro::Task<Result<>> OwnQueue::open()
{
    const Waiter<> starting = m_engine.start();
    co_return co_await starting.wait(m_scope);
}

QCoro::Task<> OwnQueue::close()
{
    const Waiter<> stopping = m_engine.stop();
    (void)co_await stopping.wait(m_scope);
}

QCoro::Task<Result<QList<TaskRecord>>> OwnQueue::history(QString notebookPath, int limit)
{
    storage::TaskFilter filter;
    filter.notebookPath = notebookPath;
    filter.limit = limit;
    const auto listing = m_engine.store().list(filter);
    co_return co_await listing.wait(m_scope);
}

QCoro::Task<Result<QList<TaskRecord>>> OwnQueue::submit(QList<storage::TaskDraft> drafts)
{
    const auto submitting = m_engine.queue().submit(std::move(drafts), storage::shellActor());
    co_return co_await submitting.wait(m_scope);
}

QCoro::Task<Result<TaskRecord>> OwnQueue::finished(TaskRecord task)
{
    const auto ending = m_engine.queue().finished(task.id);
    co_return co_await ending.wait(m_scope);
}

QCoro::Task<Result<storage::TaskDetail>> OwnQueue::load(TaskRecord task)
{
    const auto loading = m_engine.store().load(task.id);
    co_return co_await loading.wait(m_scope);
}

QCoro::Task<RunQueue::OfKernel> OwnQueue::ofKernel(QString notebookPath)
{
    std::uint64_t never = 0;
    const kernels::Kernel *kernel = m_engine.queue().kernel(notebookPath);
    if (!kernel)
        co_return OfKernel{};
    const Json info = kernel->info();
    const Json *language = find(info, "language_info");
    co_return OfKernel{kernel->widgets(never), language ? std::optional(*language) : std::nullopt};
}

void OwnQueue::cancel(QList<TaskRecord> tasks)
{
    for (auto task = tasks.crbegin(); task != tasks.crend(); ++task)
        (void)m_engine.queue().cancel(task->id, storage::shellActor());
}

QCoro::Task<> OwnQueue::leave(QString notebookPath)
{
    // Its end is not waited for: the next notebook's kernel may start beside it.
    if (m_engine.queue().kernel(notebookPath))
        (void)m_engine.queue().stopKernel(notebookPath);
    co_return;
}

}  // namespace celldeck::app
