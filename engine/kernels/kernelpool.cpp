#include "kernels/kernelpool.h"

namespace celldeck::kernels {

Result<> KernelPool::hasRoom() const
{
    if (m_taken < m_limit)
        return {};
    return fail(ErrorCode::NoKernel,
                QStringLiteral("%1 kernels run already, and no more may (--max-kernels): stop one "
                               "first")
                    .arg(m_taken));
}

}  // namespace celldeck::kernels
