#pragma once

#include "storage/kernelstore.h"
#include "storage/queuestore.h"
#include "storage/taskstore.h"

namespace celldeck::storage {

/// What the queue keeps on disk.
struct Stores
{
    explicit Stores(Database &database, QueueLimits limits = {})
        : tasks(database, limits), orders(database), kernels(database)
    {}

    TaskStore tasks;
    QueueStore orders;
    KernelStore kernels;
};

}  // namespace celldeck::storage
