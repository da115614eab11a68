#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace celldeck {

/// A few threads for what blocks, such as an fsync. One is started when work comes and none is
/// free, up to `most`; then work waits its turn, in order. Qt's own pool would do the same, but
/// ThreadSanitizer cannot look into Qt: here it sees who waits for whom.
///
/// Owned by whoever makes it (async/background.h has the process's). Thread: any. The threads have
/// no event loop; they may post to those that have. Stopping: `finish()`, and the destructor, run
/// all that was taken to its end and join.
class Workers final
{
public:
    explicit Workers(std::size_t most);
    ~Workers();
    Workers(const Workers &) = delete;
    Workers &operator=(const Workers &) = delete;

    void start(std::function<void()> work);
    /// Work that comes later starts threads anew. Requires: not from work itself.
    void finish();

private:
    void run();

    const std::size_t m_most;
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<std::function<void()>> m_waiting;
    std::size_t m_idle = 0;
    bool m_isFinishing = false;
    std::vector<std::jthread> m_threads;
};

}  // namespace celldeck
