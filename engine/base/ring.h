#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

namespace celldeck {

/// Keeps the last `capacity` values and counts those it had to drop, so that a loss can be shown.
/// Thread: one.
template <class T>
class Ring
{
public:
    explicit Ring(size_t capacity) : m_capacity(capacity) {}

    /// Returns the value that had to go, if any, so that the caller can account for its bytes.
    std::optional<T> push(T value)
    {
        std::optional<T> gone;
        if (m_capacity == 0) {
            ++m_dropped;
            return value;
        }
        if (m_values.size() == m_capacity) {
            gone = std::move(m_values.front());
            m_values.pop_front();
            ++m_dropped;
        }
        m_values.push_back(std::move(value));
        return gone;
    }

    /// Moves everything out, oldest first; the count of drops stays.
    [[nodiscard]] std::deque<T> takeAll() { return std::exchange(m_values, {}); }

    [[nodiscard]] size_t size() const { return m_values.size(); }
    [[nodiscard]] bool empty() const { return m_values.empty(); }
    [[nodiscard]] size_t capacity() const { return m_capacity; }
    [[nodiscard]] std::uint64_t dropped() const { return m_dropped; }
    [[nodiscard]] const T &at(size_t i) const { return m_values[i]; }
    [[nodiscard]] auto begin() const { return m_values.begin(); }
    [[nodiscard]] auto end() const { return m_values.end(); }

private:
    size_t m_capacity;
    std::deque<T> m_values;
    std::uint64_t m_dropped = 0;
};

}  // namespace celldeck
