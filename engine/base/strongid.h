#pragma once

#include <QHash>
#include <compare>
#include <functional>
#include <utility>

namespace celldeck {

/// An id that cannot be mistaken for another: `using KernelId = StrongId<struct KernelTag,
/// QString>`. Default-constructed, it names nothing and is false.
template <class Tag, class Rep>
class StrongId
{
public:
    StrongId() = default;
    explicit StrongId(Rep value) : m_value(std::move(value)) {}

    [[nodiscard]] const Rep &value() const { return m_value; }
    [[nodiscard]] explicit operator bool() const { return m_value != Rep{}; }

    auto operator<=>(const StrongId &) const = default;

private:
    Rep m_value{};
};

template <class Tag, class Rep>
size_t qHash(const StrongId<Tag, Rep> &id, size_t seed = 0)
{
    return QHashPrivate::calculateHash(id.value(), seed);
}

}  // namespace celldeck

template <class Tag, class Rep>
struct std::hash<celldeck::StrongId<Tag, Rep>>
{
    size_t operator()(const celldeck::StrongId<Tag, Rep> &id) const noexcept
    {
        return std::hash<Rep>{}(id.value());
    }
};
