#pragma once

#include "kernels/orphanbuffer.h"

namespace celldeck::kernels {

/// What the kernels of one engine share: how many there may be at once, and the rings of what
/// nobody expected.
///
/// Owned by the TaskQueue; outlives its kernels. Thread: the engine's. Stopping: nothing to stop.
class KernelPool final
{
public:
    static constexpr int DefaultLimit = 32;  ///< CONTRACT.md section 7

    /// A kernel's place among them, as long as this lives.
    class Place
    {
    public:
        explicit Place(KernelPool &pool) : m_pool(&pool) { ++pool.m_taken; }
        ~Place() { --m_pool->m_taken; }
        Place(const Place &) = delete;
        Place &operator=(const Place &) = delete;

    private:
        KernelPool *m_pool;
    };

    explicit KernelPool(int limit = DefaultLimit, OrphanLimits orphans = {})
        : m_limit(limit), m_orphans(orphans)
    {}

    /// Fails with NoKernel.
    [[nodiscard]] Result<> hasRoom() const;
    [[nodiscard]] OrphanBuffer &orphans() { return m_orphans; }
    [[nodiscard]] const OrphanBuffer &orphans() const { return m_orphans; }

private:
    const int m_limit;
    int m_taken = 0;
    OrphanBuffer m_orphans;
};

}  // namespace celldeck::kernels
