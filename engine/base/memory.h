#pragma once

#include <QtGlobal>

namespace celldeck {

/// Where a job has held and freed less than this, what the allocator keeps of it is of use.
inline constexpr qint64 MuchMemory = qint64(16) * 1024 * 1024;

/// Gives back to the system what the allocator keeps of freed memory, in all threads' arenas; does
/// nothing where `freed` bytes are not much. Takes some milliseconds. Thread: any but the engine's
/// and the GUI's.
void giveBackMemory(qint64 freed = MuchMemory);

}  // namespace celldeck
