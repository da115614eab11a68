#include "async/coalescer.h"

namespace celldeck {

Coalescer::Coalescer(Milliseconds interval, std::function<void()> fire) : m_fire(std::move(fire))
{
    m_timer.setSingleShot(true);
    m_timer.setInterval(interval);
    QObject::connect(&m_timer, &QTimer::timeout, &m_timer, [this] { m_fire(); });
}

void Coalescer::poke()
{
    if (!m_timer.isActive())
        m_timer.start();
}

void Coalescer::flush()
{
    if (!m_timer.isActive())
        return;
    m_timer.stop();
    m_fire();
}

}  // namespace celldeck
