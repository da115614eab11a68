#pragma once

#include <QStringList>
#include <map>
#include <set>

#include "queuemodel.h"
#include "storage/database.h"
#include "storage/stores.h"

namespace celldeck::test {

/// All that is stored of a queue, by the ways in which it can be read: pages, kernels, and the
/// views that operators ask with plain SQL. Each waits for its answer.

[[nodiscard]] Result<QList<storage::TaskRecord>> readPages(storage::TaskStore &store);
/// The notebooks that have one.
[[nodiscard]] Result<std::map<QString, QueueModel::Kernel>> readKernels(
    storage::KernelStore &store);
/// `execution_queue`, by the name of the task.
[[nodiscard]] Result<std::map<QString, QStringList>> readView(storage::Database &database);
[[nodiscard]] Result<std::set<QString>> readNotebooks(storage::Database &database);

/// What `execution_queue` is to show of a task.
[[nodiscard]] QStringList viewRow(const storage::TaskDetail &detail);

}  // namespace celldeck::test
