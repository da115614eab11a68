#include "housekeeper.h"

#include <QLoggingCategory>

namespace celldeck {

namespace {

Q_LOGGING_CATEGORY(log, "celldeck.housekeeper", QtInfoMsg)

// An engine that is started each morning cleans up too.
constexpr Milliseconds FirstCleanup = std::chrono::minutes(10);
constexpr Milliseconds CleanupInterval = std::chrono::hours(24);

}  // namespace

Housekeeper::Housekeeper(storage::TaskCleaner &tasks, assets::AssetCleaner &assets,
                         const Clock &clock, storage::Retention retention)
    : m_tasks(tasks), m_assets(assets), m_clock(clock), m_retention(std::move(retention))
{}

void Housekeeper::start()
{
    m_scope.start(work());
}

void Housekeeper::cleanSoon()
{
    m_isTooLarge.resolve({});
}

QCoro::Task<> Housekeeper::work()
{
    for (Milliseconds pause = FirstCleanup;; pause = CleanupInterval) {
        const Waiter<> tooLarge = m_isTooLarge;
        const Result<> told = co_await tooLarge.wait(m_scope, pause);
        if (!told && told.error().code == ErrorCode::Cancelled)
            co_return;
        m_isTooLarge = {};
        co_await cleanOnce();
    }
}

QCoro::Task<> Housekeeper::cleanOnce()
{
    const auto cleaning = m_tasks.runOnce(m_retention, storage::CleanupMode::Remove, m_clock.now());
    const Result<storage::CleanupReport> report = co_await cleaning.wait(m_scope);
    if (report)
        qCInfo(log, "%lld tasks removed", static_cast<long long>(report->tasks));
    else if (report.error().code != ErrorCode::Cancelled)
        Q_EMIT failed(report.error().message);
    const auto sweeping = m_assets.runOnce({});
    const Result<assets::SweepReport> swept = co_await sweeping.wait(m_scope);
    if (swept)
        qCInfo(log, "%lld assets to the trash (%lld bytes), %lld for good",
               static_cast<long long>(swept->assets), static_cast<long long>(swept->bytes),
               static_cast<long long>(swept->deleted));
    if (swept && !swept->kept.isEmpty())
        Q_EMIT failed(swept->kept);
    if (!swept && swept.error().code != ErrorCode::Cancelled)
        Q_EMIT failed(swept.error().message);
}

}  // namespace celldeck
