#include "async/workers.h"

#include <utility>

namespace celldeck {

Workers::Workers(std::size_t most) : m_most(most) {}

Workers::~Workers()
{
    finish();
}

void Workers::start(std::function<void()> work)
{
    const std::scoped_lock lock(m_mutex);
    m_waiting.push_back(std::move(work));
    if (m_waiting.size() > m_idle && m_threads.size() < m_most)
        m_threads.emplace_back([this] { run(); });
    else
        m_changed.notify_one();
}

void Workers::run()
{
    std::unique_lock lock(m_mutex);
    for (;;) {
        ++m_idle;
        m_changed.wait(lock, [this] { return !m_waiting.empty() || m_isFinishing; });
        --m_idle;
        if (m_waiting.empty())
            return;
        std::function<void()> work = std::move(m_waiting.front());
        m_waiting.pop_front();
        lock.unlock();
        work();
        work = nullptr;  // what it holds ends before the next begins, and not under the lock
        lock.lock();
    }
}

void Workers::finish()
{
    std::unique_lock lock(m_mutex);
    m_isFinishing = true;
    m_changed.notify_all();
    // Work may have started other work, and that a thread.
    while (!m_threads.empty()) {
        std::vector<std::jthread> threads = std::exchange(m_threads, {});
        lock.unlock();
        threads.clear();
        lock.lock();
    }
    m_isFinishing = false;
}

}  // namespace celldeck
