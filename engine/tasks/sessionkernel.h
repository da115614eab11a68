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
    /// Whether somebody can answer a cell that asks for input; else it gets an error at once.
    bool allowStdin = false;
    Milliseconds inputLimit = std::chrono::minutes(10);  ///< Then the cell is interrupted.
    /// A kernel with nothing to do for so long is ended.
    std::optional<Milliseconds> cullAfter = {};
    int kernelLimit = kernels::KernelPool::DefaultLimit;  ///< of all sessions together
};

/// How a notebook's kernels are to begin, besides what their kernelspec says.
struct KernelSetup
{
    QString workingDirectory;            ///< "": the notebook's folder
    QMap<QString, QString> environment;  ///< kept in memory only: there may be secrets in it

    bool operator==(const KernelSetup &) const = default;
};

/// The kernel of one session: starts it, records who it is so that a later engine finds it, takes
/// up one that an earlier engine has recorded, and ends it.
///
/// Owned by a Session. Thread: the engine's. Stopping: `shutdown()`; the destructor kills at once.
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

    /// Whether there is one that has not ended.
    [[nodiscard]] bool isReady() const;
    /// Whether it has ended without anybody's asking, and no other one has come yet.
    [[nodiscard]] bool hasDied() const;
    /// Why there is none.
    [[nodiscard]] Error none() const;

    /// What the next one shall be: that of a kernelspec, or of the environment at an absolute path;
    /// "": what it is now. Fails with NoKernel.
    [[nodiscard]] Result<> choose(const QString &kernelName);
    /// The same, and how it begins. Fails with Conflict if one is there that is different.
    [[nodiscard]] Result<> prepare(const QString &kernelName, const KernelSetup &setup);
    /// The next one, unless something is chosen: by its name, as an earlier engine had it. It need
    /// not be there any more; then the start fails, and says so.
    void prefer(const QString &kernelName) { m_preferred = kernelName; }
    void forgetChoice();
    void setWorkingDirectory(const QString &folder) { m_setup.workingDirectory = folder; }

    /// Resolves when there is one that is ready, and it is recorded; an existing one is kept.
    /// `kernelName` counts if nothing was chosen. Fails with NoKernel.
    [[nodiscard]] Waiter<> start(const QString &kernelName, storage::Actor by = {},
                                 storage::Action action = storage::Action::StartKernel);
    /// Fails with NotFound if that kernel has ended, with NoKernel or Io if it cannot be reached.
    [[nodiscard]] Result<> attach(const storage::KernelRecord &record);
    /// A record that is kept tells a later engine which kernel its tasks have lost.
    enum class Record { Forget, Keep };
    /// Asks it to end, then kills it. Resolves when its process is gone; `get()` still gives it.
    /// The note is for an end that somebody has asked for.
    [[nodiscard]] Waiter<> shutdown(Record record, std::optional<storage::AuditNote> note = {});
    /// Kills it at once.
    void drop();

Q_SIGNALS:
    /// There is another kernel than before, which knows nothing of what was done before.
    void replaced();
    void inputRequested(const celldeck::kernels::InputRequest &request);
    void followed();
    void failed(const QString &message);

private:
    QCoro::Task<> launch(QString kernelName, storage::AuditNote note, Waiter<> ready);
    QCoro::Task<> record(kernels::KernelAddress address, QString name, storage::AuditNote note);
    QCoro::Task<> forget(std::optional<storage::AuditNote> note);
    QCoro::Task<> close(Record record, std::optional<storage::AuditNote> note, Waiter<> done);
    [[nodiscard]] std::unique_ptr<kernels::Kernel> make(kernels::KernelSpec spec);

    const QString m_path;
    storage::KernelStore &m_store;
    const Clock &m_clock;
    const SessionOptions m_options;
    kernels::KernelPool &m_pool;
    std::optional<kernels::KernelSpec> m_chosen;
    QString m_preferred;
    KernelSetup m_setup;
    std::unique_ptr<kernels::Kernel> m_kernel;
    std::optional<Waiter<>> m_launch;
    TaskScope m_scope;
};

}  // namespace celldeck::tasks
