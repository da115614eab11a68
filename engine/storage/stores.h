#pragma once

#include "storage/adoptionstore.h"
#include "storage/auditstore.h"
#include "storage/kernelstore.h"
#include "storage/queuestore.h"
#include "storage/taskstore.h"

namespace celldeck::storage {

/// What the queue keeps on disk.
struct Stores
{
    explicit Stores(Database &database, QueueLimits limits = {})
        : tasks(database, limits),
          orders(database),
          kernels(database),
          adoptions(database),
          audit(database)
    {}

    TaskStore tasks;
    QueueStore orders;
    KernelStore kernels;
    AdoptionStore adoptions;
    AuditStore audit;
};

}  // namespace celldeck::storage
