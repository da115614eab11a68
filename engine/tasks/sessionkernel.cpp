#include "tasks/sessionkernel.h"

#include <QFileInfo>

#include "assets/assetstore.h"
#include "base/crashpoint.h"
#include "kernels/environment.h"

namespace celldeck::tasks {

SessionKernel::SessionKernel(QString notebookPath, storage::KernelStore &store, const Clock &clock,
                             SessionOptions options, kernels::KernelPool &pool)
    : m_path(std::move(notebookPath)),
      m_store(store),
      m_clock(clock),
      m_options(std::move(options)),
      m_pool(pool)
{}

SessionKernel::~SessionKernel()
{
    // Its waits end with it, so that every coroutine of ours can run to its end.
    m_kernel.reset();
}

bool SessionKernel::isReady() const
{
    return m_kernel && !isStarting() && m_kernel->state() != kernels::KernelState::Dead;
}

bool SessionKernel::hasDied() const
{
    return m_kernel && !isStarting() && m_kernel->state() == kernels::KernelState::Dead;
}

Error SessionKernel::none() const
{
    return {ErrorCode::NoKernel, isStarting()
                                     ? QStringLiteral("the kernel of %1 starts still").arg(m_path)
                                     : QStringLiteral("%1 has no kernel").arg(m_path)};
}

Result<> SessionKernel::choose(const QString &kernelName)
{
    if (kernelName.isEmpty()) {
        if (m_kernel)
            m_chosen = m_kernel->spec();
        return m_chosen ? Result<>{} : Result<>(fail(none()));
    }
    auto spec = kernels::resolveKernel(kernelName);
    if (!spec)
        return fail(spec.error());
    m_chosen = std::move(*spec);
    return {};
}

Result<> SessionKernel::prepare(const QString &kernelName, const KernelSetup &setup)
{
    if (!isReady() && !isStarting()) {
        if (const Result<> chosen = choose(kernelName); !chosen)
            return chosen;
        m_setup = setup;
        return {};
    }
    if (m_kernel->spec().name != kernelName)
        return fail(ErrorCode::Conflict,
                    QStringLiteral("%1 has the kernel %2 already: switch_kernel_environment gives "
                                   "it another one")
                        .arg(m_path, m_kernel->spec().name));
    if (setup != KernelSetup{} && setup != m_setup)
        return fail(ErrorCode::Conflict,
                    QStringLiteral("the kernel of %1 runs already, with another environment or "
                                   "folder: stop it first")
                        .arg(m_path));
    return {};
}

void SessionKernel::forgetChoice()
{
    m_chosen.reset();
    m_preferred.clear();
    m_setup = {};
}

std::unique_ptr<kernels::Kernel> SessionKernel::make(kernels::KernelSpec spec)
{
    spec.environment.insert(m_setup.environment);
    auto kernel = std::make_unique<kernels::Kernel>(
        spec,
        kernels::KernelOptions{.name = m_path,
                               .workingDirectory = m_setup.workingDirectory.isEmpty()
                                                       ? QFileInfo(m_path).absolutePath()
                                                       : m_setup.workingDirectory,
                               .runtimeDirectory = m_options.runtimeDirectory,
                               .spoolDirectory = m_options.assets
                                                     ? m_options.assets->spoolFolderFor(m_path)
                                                     : QString(),
                               .startLimit = m_options.kernelStartLimit,
                               .shutdownGrace = m_options.shutdownGrace,
                               .life = m_options.life},
        m_pool);
    connect(kernel.get(), &kernels::Kernel::inputRequested, this, &SessionKernel::inputRequested);
    connect(kernel.get(), &kernels::Kernel::followed, this, &SessionKernel::followed);
    connect(kernel.get(), &kernels::Kernel::respondingChanged, this, [this](bool responding) {
        if (!responding)
            Q_EMIT failed(QStringLiteral("the kernel of %1 does not answer its heartbeat: its "
                                         "process is stopped or starved")
                              .arg(m_path));
    });
    connect(kernel.get(), &kernels::Kernel::died, this, [this](const QString &why, bool wasIdle) {
        if (wasIdle)
            Q_EMIT failed(QStringLiteral("the kernel of %1 died while nothing ran on it: %2; the "
                                         "next cell gets a new one, without its state")
                              .arg(m_path, why));
    });
    return kernel;
}

Waiter<> SessionKernel::start(const QString &kernelName, storage::Actor by, storage::Action action)
{
    if (m_launch)
        return *m_launch;
    if (m_kernel && m_kernel->state() != kernels::KernelState::Dead)
        return Waiter<>::resolved({});
    m_launch = Waiter<>();
    const Waiter<> ready = *m_launch;
    const storage::AuditNote note{.by = std::move(by), .action = action, .notebookPath = m_path};
    m_scope.start(launch(kernelName, note, ready));
    return ready;
}

QCoro::Task<> SessionKernel::launch(QString kernelName, storage::AuditNote note, Waiter<> ready)
{
    m_kernel.reset();
    Q_EMIT replaced();
    const QString preferred = m_preferred.isEmpty() ? kernelName : m_preferred;
    const auto spec =
        m_chosen ? Result<kernels::KernelSpec>(*m_chosen) : kernels::resolveKernel(preferred);
    if (!spec) {
        m_launch.reset();
        ready.resolve(fail(spec.error()));
        co_return;
    }
    m_kernel = make(*spec);
    const Result<> started = co_await m_kernel->start();
    // Before the first request leaves: what runs is followed by it after a crash.
    if (started && m_kernel && m_options.life == kernels::KernelLife::OutlivesEngine) {
        crashPoint("kernel.started");
        if (const auto address = m_kernel->address())
            co_await record(*address, spec->name, note);
        crashPoint("kernel.recorded");
    }
    m_launch.reset();
    if (started)
        m_preferred.clear();
    else
        m_kernel.reset();
    ready.resolve(started);
}

Result<> SessionKernel::attach(const storage::KernelRecord &record)
{
    const auto spec = kernels::resolveKernel(record.name);
    if (!spec)
        return fail(spec.error());
    auto kernel = make(*spec);
    const Result<> attached = kernel->attach(
        {.process = {.pid = record.pid, .started = record.processStarted, .boot = record.boot},
         .connectionFile = record.connectionFile,
         .session = record.session});
    if (attached)
        m_kernel = std::move(kernel);
    return attached;
}

QCoro::Task<> SessionKernel::record(kernels::KernelAddress address, QString name,
                                    storage::AuditNote note)
{
    note.at = m_clock.now();
    note.object = name;
    note.detail = QStringLiteral("process %1").arg(address.process.pid);
    const Waiter<> saving = m_store.save({.notebookPath = m_path,
                                          .name = name,
                                          .connectionFile = address.connectionFile,
                                          .session = address.session,
                                          .pid = address.process.pid,
                                          .processStarted = address.process.started,
                                          .boot = address.process.boot,
                                          .since = note.at},
                                         note);
    const Result<> saved = co_await saving.wait(m_scope);
    if (!saved && saved.error().code != ErrorCode::Cancelled)
        Q_EMIT failed(saved.error().message);
}

QCoro::Task<> SessionKernel::forget(std::optional<storage::AuditNote> note)
{
    if (m_options.life == kernels::KernelLife::WithEngine)
        co_return;
    const Waiter<> removing = m_store.remove(m_path, std::move(note));
    const Result<> removed = co_await removing.wait(m_scope);
    if (!removed && removed.error().code != ErrorCode::Cancelled)
        Q_EMIT failed(removed.error().message);
}

Waiter<> SessionKernel::shutdown(Record record, std::optional<storage::AuditNote> note)
{
    const Waiter<> done;
    m_scope.start(close(record, std::move(note), done));
    return done;
}

QCoro::Task<> SessionKernel::close(Record record, std::optional<storage::AuditNote> note,
                                   Waiter<> done)
{
    if (m_kernel) {
        const Result<> ended = co_await m_kernel->shutdown();
        if (!ended && ended.error().code != ErrorCode::Cancelled)
            Q_EMIT failed(ended.error().message);
    }
    if (record == Record::Forget)
        co_await forget(std::move(note));
    done.resolve({});
}

void SessionKernel::drop()
{
    m_kernel.reset();
}

}  // namespace celldeck::tasks
