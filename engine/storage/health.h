#pragma once

#include <QDeadlineTimer>
#include <QObject>
#include <QTimer>
#include <functional>
#include <optional>

#include "base/clock.h"
#include "base/result.h"

namespace celldeck::storage {

/// Whether the database takes what is written to it. An operator is told once when it does not any
/// more and once when it does again, however often it was tried meanwhile.
///
/// While it does not, a deadline asks for another try, each time after twice as long: so it comes
/// back without anybody's doing. What a client writes meanwhile is a try too. Damage that is found
/// while running stays until the next start, which salvages.
///
/// Owned by the Database. Thread: the owner's. Stopping: `stop()`, no more tries.
class Health final : public QObject
{
    Q_OBJECT

public:
    /// `tryAgain` shall lead to another `note`.
    explicit Health(std::function<void()> tryAgain);

    [[nodiscard]] bool isWell() const { return !m_fault; }
    [[nodiscard]] bool isDamaged() const;
    /// What the last try has met; nullopt: it went well.
    void note(std::optional<Error> fault);
    void stop();

Q_SIGNALS:
    /// For an operator.
    void told(const QString &message);

private:
    const std::function<void()> m_tryAgain;
    std::optional<Error> m_fault;
    bool m_toldFault = false;
    QDeadlineTimer m_quiet;
    Milliseconds m_pause{};
    QTimer m_next;
};

}  // namespace celldeck::storage
