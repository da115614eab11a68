#include "async/turn.h"

#include "async/taskscope.h"

namespace celldeck {

namespace {

thread_local Turn *current = nullptr;

}  // namespace

Turn::Turn() : m_isOuter(current == nullptr)
{
    if (m_isOuter)
        current = this;
}

Turn::~Turn()
{
    if (!m_isOuter)
        return;
    while (!m_ready.empty()) {
        const auto core = std::move(m_ready.front());
        m_ready.erase(m_ready.begin());
        core->drain();
    }
    current = nullptr;
}

bool Turn::resumeAtEnd(std::shared_ptr<detail::ScopeCore> core)
{
    if (!current)
        return false;
    current->m_ready.push_back(std::move(core));
    return true;
}

}  // namespace celldeck
