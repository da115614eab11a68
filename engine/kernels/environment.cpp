#include "kernels/environment.h"

#include <QDir>
#include <QFileInfo>
#include <QProcess>

namespace celldeck::kernels {

namespace {

constexpr int CheckLimitMs = 30'000;  // a cold disk

}  // namespace

Result<KernelSpec> kernelSpecOfEnvironment(const QString &path)
{
    const QString folder = QFileInfo(path).canonicalFilePath();
    const QString python = folder + QStringLiteral("/bin/python");
    if (folder.isEmpty() || !QFileInfo(python).isExecutable())
        return fail(
            ErrorCode::NoKernel,
            QStringLiteral("%1 is no Python environment: there is no bin/python in it").arg(path));
    KernelSpec spec;
    spec.name = folder;
    spec.displayName = QStringLiteral("Python (%1)").arg(QDir(folder).dirName());
    spec.language = QStringLiteral("python");
    spec.argv = {python, QStringLiteral("-m"), QStringLiteral("ipykernel_launcher"),
                 QStringLiteral("-f"), QStringLiteral("{connection_file}")};
    // As its activation script does it.
    spec.environment = {
        {QStringLiteral("VIRTUAL_ENV"), folder},
        {QStringLiteral("PATH"), folder + QStringLiteral("/bin:") + qEnvironmentVariable("PATH")}};
    spec.interruptMode = QStringLiteral("signal");
    return spec;
}

Result<> checkEnvironment(const KernelSpec &spec)
{
    const QString python = spec.argv.value(0);
    QProcess process;
    process.start(python, {QStringLiteral("-c"), QStringLiteral("import ipykernel")});
    if (process.waitForFinished(CheckLimitMs) && process.exitStatus() == QProcess::NormalExit &&
        process.exitCode() == 0)
        return {};
    const QString errors = QString::fromUtf8(process.readAllStandardError()).trimmed();
    return fail(ErrorCode::NoKernel,
                QStringLiteral("%1 has no ipykernel that works (%2): install it with %3 -m pip "
                               "install ipykernel")
                    .arg(spec.name, errors.section(QLatin1Char('\n'), -1), python));
}

Result<KernelSpec> resolveKernel(const QString &name)
{
    return QDir::isAbsolutePath(name) ? kernelSpecOfEnvironment(name) : findKernelSpec(name);
}

}  // namespace celldeck::kernels
