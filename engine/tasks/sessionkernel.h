#pragma once

#include <QObject>
#include <memory>
#include <optional>

#include "async/taskscope.h"
#include "async/waiter.h"
#include "base/clock.h"
#include "kernels/kernel.h"
#include "storage/kernelstore.h"

namespace celldeck::assets {
class AssetStore;
}

namespace celldeck::tasks {

struct SessionOptions
{
    QString runtimeDirectory;  ///< For kernel connection files
    Milliseconds kernelStartLimit{60'000};
    Milliseconds shutdownGrace{5'000};
    kernels::KernelLife life = kernels::KernelLife::WithEngine;
    assets::AssetStore *assets = nullptr;  ///< Where big outputs go; none: they stay in the record.
};

/// The kernel of one session: starts it, records who it is so that a later engine finds it, takes
/// up one that an earlier engine has recorded, and ends it.
///
/// Owned by a Session. Thread: the engine's. Stopping: `end()`; the destructor kills at once.
class SessionKernel final : public QObject
{
    Q_OBJECT

public:
    SessionKernel(QString notebookPath, storage::KernelStore &store, const Clock &clock,
                  SessionOptions options, kernels::KernelPool &pool);
    ~SessionKernel() override;

    /// Null while there is none.
    [[nodiscard]] kernels::Kernel *get() const { return m_kernel.get(); }
    [[nodiscard]] bool isStarting() const { return m_launch.has_value(); }

    /// Resolves when there is one that is ready, and it is recorded; an existing one is kept.
    /// Fails with NoKernel.
    [[nodiscard]] Waiter<> start(const QString &kernelName);
    /// Fails with NotFound if that kernel has ended, with NoKernel or Io if it cannot be reached.
    [[nodiscard]] Result<> attach(const storage::KernelRecord &record);
    /// A record that is kept tells a later engine which kernel its tasks have lost.
    enum class Record { Forget, Keep };
    /// Asks it to end, then kills it. Resolves when its process is gone; `get()` still gives it.
    [[nodiscard]] Waiter<> shutdown(Record record);
    /// Kills it at once.
    void drop();

Q_SIGNALS:
    /// There is another kernel than before, which knows nothing of what was done before.
    void replaced();
    void failed(const QString &message);

private:
    QCoro::Task<> launch(QString kernelName, Waiter<> ready);
    QCoro::Task<> record(kernels::KernelAddress address, QString name);
    QCoro::Task<> forget();
    QCoro::Task<> close(Record record, Waiter<> done);
    [[nodiscard]] std::unique_ptr<kernels::Kernel> make(const kernels::KernelSpec &spec);

    const QString m_path;
    storage::KernelStore &m_store;
    const Clock &m_clock;
    const SessionOptions m_options;
    kernels::KernelPool &m_pool;
    std::unique_ptr<kernels::Kernel> m_kernel;
    std::optional<Waiter<>> m_launch;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
