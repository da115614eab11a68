#include "tasks/session.h"

// What a session is made of, and its line: which task is the next. How a task runs is in
// sessiontasks.cpp, what others ask of it in sessionorders.cpp.
namespace celldeck::tasks {

using storage::TaskRecord;

namespace {

constexpr Milliseconds AnewInterval{1'000};
constexpr qint64 AnewBytesAMs = 256;

}  // namespace

Session::Session(QString notebookPath, storage::Stores &stores, const Clock &clock,
                 SessionOptions options, kernels::KernelPool &pool)
    : m_path(std::move(notebookPath)),
      m_stores(stores),
      m_clock(clock),
      m_options(std::move(options)),
      m_kernel(m_path, stores.kernels, clock, m_options, pool),
      m_ahead(stores.tasks),
      m_log(stores.tasks, clock, m_scope),
      m_ends(m_path, m_options.assets, m_log, m_ahead, m_scope),
      m_partial(m_log, clock, m_scope, [this] { return partial(); }),
      m_anew(AnewInterval, [this] { showAnew(); })
{
    connect(&m_kernel, &SessionKernel::replaced, this, [this] {
        m_ends.forgetDisplays();
        m_hasState = false;
        m_isCulled = false;
        m_widgets = 0;
        m_ahead.withdraw();
    });
    connect(&m_kernel, &SessionKernel::failed, this, &Session::failed);
    connect(&m_kernel, &SessionKernel::inputRequested, this, &Session::handleInput);
    // Its state is the same, but not what can be known of it.
    connect(&m_kernel, &SessionKernel::followed, this, [this] {
        if (m_current)
            Q_EMIT taskChanged(*m_current);
    });
    for (QTimer *timer : {&m_limit, &m_inputLimit, &m_grace, &m_idle})
        timer->setSingleShot(true);
    connect(&m_limit, &QTimer::timeout, this, [this] { endRunning(End::Limit); });
    connect(&m_inputLimit, &QTimer::timeout, this, [this] { endRunning(End::NoAnswer); });
    // A cell that ignores the interrupt takes its kernel with it; a kernel that idles is in the
    // way.
    for (QTimer *timer : {&m_grace, &m_idle})
        connect(timer, &QTimer::timeout, this, [this, timer] {
            // Nobody has asked for an end of what is idle; a cell's was noted with the cell's.
            const bool isCulled = timer == &m_idle;
            m_isCulled = isCulled;
            m_scope.start(endKernel(
                isCulled ? SessionKernel::Record::Forget : SessionKernel::Record::Keep,
                isCulled ? std::optional(noteOf(storage::Action::StopKernel, {})) : std::nullopt,
                Waiter<>()));
        });
    connect(&m_log, &TaskLog::taskChanged, this, &Session::taskChanged);
    connect(&m_log, &TaskLog::failed, this, &Session::failed);
    connect(&m_ends, &EndRecorder::failed, this, &Session::failed);
    m_scope.start(work());
}

Session::~Session()
{
    // The kernel's waits end with it, so that every coroutine of ours can run to its end below.
    m_stopping = true;
    m_log.giveUp();
    m_kernel.drop();
}

void Session::enqueue(QList<TaskRecord> tasks)
{
    m_waiting.append(std::move(tasks));
    if (m_flow != storage::Flow::Paused)  // Otherwise `setFlow` wakes it.
        m_wake.resolve({});
}

std::optional<PartialRecord::Partial> Session::partial() const
{
    if (!m_executing || !m_current || !m_kernel.get())
        return std::nullopt;
    return PartialRecord::Partial{m_current->id, toBytes(m_kernel.get()->lastOutputs()),
                                  displaysOf(m_current->id, m_kernel.get()->lastDisplays())};
}

QByteArray Session::displaysOf(storage::TaskId id, const kernels::DisplayState &displays) const
{
    const bool hasNone = displays.isEmpty() && !m_partial.hasDisplays(id);
    return hasNone || m_options.life == kernels::KernelLife::WithEngine ? QByteArray()
                                                                        : bytesOf(displays);
}

bool Session::mustWait() const
{
    return m_kernelEnds || m_waiting.isEmpty() || m_flow == storage::Flow::Paused;
}

QCoro::Task<> Session::work()
{
    while (!m_stopping && !m_scope.isClosed()) {
        if (!m_followed && mustWait()) {
            m_ends.recordHeld();
            m_ahead.withdraw();
            m_wake = {};
            if (m_options.cullAfter && m_kernel.get() && m_waiting.isEmpty())
                m_idle.start(*m_options.cullAfter);
            const Result<> woken = co_await m_wake.wait(m_scope);
            m_idle.stop();
            if (!woken)
                break;
            continue;
        }
        m_end = End::None;
        m_endNote.reset();
        m_ended = {};
        if (m_followed) {
            storage::TaskDetail followed = std::move(*std::exchange(m_followed, {}));
            m_current = followed.task;
            co_await followTask(std::move(followed));
        } else {
            m_current = m_waiting.takeFirst();
            co_await runTask(*m_current);
        }
        m_current.reset();
        if (m_kernel.get())
            m_kernel.get()->forgetLast();
        m_ended.resolve({});
    }
    m_ends.recordHeld();
    m_ahead.withdraw();
    const Result<> recorded = co_await m_ahead.wait(RunAhead::Ends::None, m_scope);
    if (recorded)
        m_stopped.resolve({});
}

std::optional<Json> Session::newWidgets()
{
    return m_kernel.get() ? m_kernel.get()->widgets(m_widgets) : std::nullopt;
}

/// A kernel that was taken up tells its widgets when it comes to it, perhaps behind its last cell.
QCoro::Task<> Session::learnWidgets()
{
    const Waiter<> known = m_kernel.get()->widgetsKnown();
    const Result<> told = co_await known.wait(m_scope);
    if (!told)
        co_return;
    if (const auto widgets = newWidgets())
        m_ends.refreshWidgets(*widgets);
}

void Session::showOutputs(const Json &outputs)
{
    if (!m_current)
        return;
    Q_EMIT outputsChanged(m_current->id, outputs);
    m_partial.poke();
    if (const auto *kernel = m_kernel.get(); kernel && !kernel->lastDisplays().updates.empty())
        m_anew.poke();
}

/// While the cell runs, which may be long; at its end for the last time.
void Session::showAnew()
{
    if (!m_executing || !m_kernel.get())
        return;
    if (m_isShowingAnew || m_clock.now() < m_nextAnew)
        m_anew.poke();
    else
        m_scope.start(showAnewNow());
}

/// One at a time, and where that is much, more seldom: each time all that those cells show is
/// written, and a cell that ends waits for it.
QCoro::Task<> Session::showAnewNow()
{
    m_isShowingAnew = true;
    const qint64 bytes = co_await m_ends.showAnew(m_kernel.get()->lastDisplays().updates);
    m_isShowingAnew = false;
    m_nextAnew = m_clock.now() + Milliseconds(bytes / AnewBytesAMs);
}

QCoro::Task<> Session::cancelWaiting(QList<TaskRecord> tasks, QString why)
{
    const Result<> cancelled = co_await m_log.cancelWaiting(tasks, why);
    // They are pending on disk: so they are here, until somebody can end them.
    if (!cancelled && cancelled.error().code != ErrorCode::Cancelled)
        enqueue(tasks);
}

}  // namespace celldeck::tasks
