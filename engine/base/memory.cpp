#include "base/memory.h"

#include <malloc.h>

namespace celldeck {

void giveBackMemory(qint64 freed)
{
    if (freed >= MuchMemory)
        ::malloc_trim(0);
}

}  // namespace celldeck
