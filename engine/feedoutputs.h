#pragma once

#include <QList>

#include "base/json.h"
#include "storage/adoptionstore.h"
#include "storage/taskrecord.h"

/// What the console shows of a task's outputs, as JSON lists of nbformat outputs.
namespace celldeck {

/// Of one that runs, 30 times a second: the last of many outputs, and of long texts the ends.
[[nodiscard]] QByteArray liveOutputs(const Json &outputs);

/// Of one that is loaded: its outputs, the small copies of those that are pictures in files, what
/// its reply asks a client to show, and what came for somebody else and was adopted by it. Reads
/// files: in the background.
[[nodiscard]] QByteArray allOutputs(const storage::TaskDetail &detail,
                                    const QList<storage::Adoption> &adopted);

}  // namespace celldeck
