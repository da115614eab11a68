#pragma once

#include <QList>
#include <QMap>
#include <QString>
#include <QStringList>

#include "base/result.h"

namespace celldeck::kernels {

struct KernelSpec
{
    QString name;  ///< The folder's name, lower case
    QString displayName;
    QString language;
    QStringList argv;  ///< With {connection_file} and {resource_dir} still in it
    QMap<QString, QString> environment;
    QString interruptMode;  ///< "signal" or "message"
    QString resourceDirectory;

    bool operator==(const KernelSpec &) const = default;
};

/// The folders that hold `kernels/`, first found wins, in the order of `jupyter --paths`:
/// JUPYTER_PATH, the user's data folder, the environment's (sys.prefix of `python3`'s, if
/// JUPYTER_PREFER_ENV_PATH says so first), /usr/local/share/jupyter, /usr/share/jupyter.
[[nodiscard]] QStringList jupyterPaths();

/// Every kernelspec that can be read, by name.
[[nodiscard]] QList<KernelSpec> listKernelSpecs(const QStringList &paths = jupyterPaths());

/// Fails with NoKernel; the message names what there is instead.
[[nodiscard]] Result<KernelSpec> findKernelSpec(const QString &name,
                                                const QStringList &paths = jupyterPaths());

/// The kernelspec for a notebook that names none: `python3`, or the only one of that language.
[[nodiscard]] Result<KernelSpec> findKernelSpecForLanguage(
    const QString &language, const QStringList &paths = jupyterPaths());

}  // namespace celldeck::kernels
