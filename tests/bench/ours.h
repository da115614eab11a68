#pragma once

#include "bench/bench.h"
#include "storage/database.h"
#include "storage/stores.h"
#include "support/await.h"
#include "tasks/taskqueue.h"

namespace celldeck::bench {

/// The real queue on a real database. Paused: what is measured is the storage, no kernel.
struct Ours
{
    explicit Ours(const QString &folder, storage::QueueLimits limits = {})
        : database(folder + QStringLiteral("/ours.db")),
          stores(database, limits),
          queue(stores, clock, {.runtimeDirectory = folder})
    {
        must(database.open());
        must(test::await(queue.setFlow({}, storage::Flow::Paused)));
    }

    SystemClock clock;
    storage::Database database;
    storage::Stores stores;
    tasks::TaskQueue queue;
};

}  // namespace celldeck::bench
