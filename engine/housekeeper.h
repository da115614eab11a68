#pragma once

#include <QObject>

#include "assets/assetcleaner.h"
#include "async/waiter.h"
#include "base/clock.h"
#include "storage/taskcleaner.h"

namespace celldeck {

/// Removes what is old once a day, and what is too much when it has become too much: first tasks,
/// then the assets that only their records kept.
///
/// Owned by the Engine. Thread: the engine's. Stopping: with its owner, between two transactions.
class Housekeeper final : public QObject
{
    Q_OBJECT

public:
    Housekeeper(storage::TaskCleaner &tasks, assets::AssetCleaner &assets, const Clock &clock,
                storage::Retention retention);

    /// The first round comes after a while: not beside the recovery.
    void start();
    /// The database holds more than it should: the next round comes now. Before `start` too.
    void cleanSoon();

Q_SIGNALS:
    void failed(const QString &message);

private:
    QCoro::Task<> work();
    QCoro::Task<> cleanOnce();

    storage::TaskCleaner &m_tasks;
    assets::AssetCleaner &m_assets;
    const Clock &m_clock;
    const storage::Retention m_retention;
    Waiter<> m_isTooLarge;
    TaskScope m_scope;
};

}  // namespace celldeck
