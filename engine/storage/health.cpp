#include "storage/health.h"

#include <algorithm>

namespace celldeck::storage {

namespace {

// A person who has made room does not wait long; a disk that stays full costs nothing.
constexpr Milliseconds FirstPause{500};
constexpr Milliseconds LongestPause{30'000};

// A disk with room for small writes only goes back and forth: that is one piece of news.
constexpr Milliseconds Quiet{60'000};

}  // namespace

Health::Health(std::function<void()> tryAgain) : m_tryAgain(std::move(tryAgain))
{
    m_next.setSingleShot(true);
    connect(&m_next, &QTimer::timeout, this, [this] { m_tryAgain(); });
}

bool Health::isDamaged() const
{
    return m_fault && m_fault->code == ErrorCode::Damaged;
}

void Health::note(std::optional<Error> fault)
{
    if (isDamaged() || (!fault && !m_fault))
        return;
    if (!fault) {
        m_fault.reset();
        m_next.stop();
        if (std::exchange(m_toldFault, false))
            Q_EMIT told(QStringLiteral("the database can be written again: tasks are accepted"));
        return;
    }
    const bool isNew = !m_fault || fault->code == ErrorCode::Damaged;
    m_fault = fault;
    if (isDamaged()) {
        m_next.stop();
        Q_EMIT told(fault->message +
                    QStringLiteral(". It is damaged: no more tasks are accepted. Start "
                                   "Celldeck again, which keeps the damaged file and takes "
                                   "over what can be read of it"));
        return;
    }
    if (isNew) {
        m_pause = FirstPause;
        if (m_quiet.hasExpired()) {
            m_quiet.setRemainingTime(Quiet.count());
            m_toldFault = true;
            Q_EMIT told(fault->message +
                        QStringLiteral(". Tasks are refused until it can be written again; what "
                                       "was accepted is kept, and cells that run go on"));
        }
    }
    if (m_next.isActive())
        return;
    m_next.start(m_pause);
    m_pause = std::min(2 * m_pause, LongestPause);
}

void Health::stop()
{
    m_next.stop();
}

}  // namespace celldeck::storage
