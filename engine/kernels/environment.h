#pragma once

#include "kernels/kernelspec.h"

namespace celldeck::kernels {

/// The kernel of a Python environment (venv, conda) that no kernelspec names: its name is its
/// canonical path. Fails with NoKernel if there is no Python in it.
[[nodiscard]] Result<KernelSpec> kernelSpecOfEnvironment(const QString &path);

/// Runs that Python once. Fails with NoKernel if it has no ipykernel, and says what to do.
/// Thread: not the engine's.
[[nodiscard]] Result<> checkEnvironment(const KernelSpec &spec);

/// What a task, a tool or a record calls a kernel: the name of a kernelspec, or the absolute path
/// of an environment. Fails with NoKernel.
[[nodiscard]] Result<KernelSpec> resolveKernel(const QString &name);

}  // namespace celldeck::kernels
