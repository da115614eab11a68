#pragma once

#include "storage/connectionthread.h"

namespace celldeck::storage {

/// Runs each job by itself on a read-only connection, so that no read holds the WAL for long.
class Reader final : public ConnectionThread
{
public:
    /// `damaged` is told what a read has met. Thread: the owner's.
    explicit Reader(std::function<void(Error)> damaged);
    ~Reader() override;

private:
    void process(Connection &connection, Jobs jobs) override;

    const std::function<void(Error)> m_damaged;
};

}  // namespace celldeck::storage
