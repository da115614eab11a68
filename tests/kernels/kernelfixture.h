#pragma once

#include "kernels/kernel.h"
#include "support/await.h"

/// Shared by the tests of Kernel.
namespace celldeck::test {

using namespace kernels;

inline KernelSpec python()
{
    const auto spec = findKernelSpec(QStringLiteral("python3"));
    return spec ? *spec : KernelSpec{};
}

inline KernelSpec shell(const QString &script)
{
    KernelSpec spec;
    spec.name = QStringLiteral("broken");
    spec.argv = {QStringLiteral("/bin/sh"), QStringLiteral("-c"), script};
    spec.interruptMode = QStringLiteral("signal");
    return spec;
}

/// See tests/support/scriptedkernel.py.
inline KernelSpec scripted(const QString &script = QString())
{
    KernelSpec spec = shell(QString());
    spec.name = QStringLiteral("scripted");
    spec.argv = {QStringLiteral("/usr/bin/python3"),
                 QStringLiteral(CELLDECK_TESTS "/support/scriptedkernel.py"),
                 QStringLiteral("{connection_file}"), script};
    return spec;
}

inline Result<Execution> run(Kernel &kernel, const QString &code)
{
    return await(kernel.execute(kernel.newMessageId(), code, {}, {}));
}

}  // namespace celldeck::test
