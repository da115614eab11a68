#include "kernels/kernelspec.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLoggingCategory>
#include <QRegularExpression>
#include <QStandardPaths>
#include <algorithm>

#include "base/json.h"

Q_LOGGING_CATEGORY(lcKernelSpecs, "celldeck.kernels.specs", QtInfoMsg)

namespace celldeck::kernels {

namespace {

/// A kernel.json is a few hundred bytes; this only keeps a wrong file from being read whole.
constexpr qint64 MaxSpecBytes = 1024 * 1024;

QString environment(const char *name)
{
    return qEnvironmentVariable(name);
}

QString userDataFolder()
{
    if (const QString folder = environment("JUPYTER_DATA_DIR"); !folder.isEmpty())
        return folder;
    QString data = environment("XDG_DATA_HOME");
    if (data.isEmpty())
        data = QDir::homePath() + QStringLiteral("/.local/share");
    return data + QStringLiteral("/jupyter");
}

/// As jupyter_core reads a flag: unset, "no", "n", "false", "off", "0" and "0.0" are no.
bool isSet(const char *name)
{
    static const QStringList no = {QString(),
                                   QStringLiteral("no"),
                                   QStringLiteral("n"),
                                   QStringLiteral("false"),
                                   QStringLiteral("off"),
                                   QStringLiteral("0"),
                                   QStringLiteral("0.0")};
    return !no.contains(environment(name).toLower());
}

QStringList environmentFolders()
{
    QStringList folders;
    for (const char *name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
        if (const QString prefix = environment(name); !prefix.isEmpty())
            folders.append(prefix + QStringLiteral("/share/jupyter"));
    }
    return folders;
}

Result<QStringList> readArguments(const Json &json)
{
    const Json *argv = find(json, "argv");
    if (!argv || !argv->is_array() || argv->empty())
        return fail(ErrorCode::Protocol, QStringLiteral("argv is no list, or empty"));
    QStringList arguments;
    for (const Json &argument : *argv) {
        if (!argument.is_string())
            return fail(ErrorCode::Protocol, QStringLiteral("argv holds something but texts"));
        arguments.append(argument.get<QString>());
    }
    return arguments;
}

Result<KernelSpec> readSpec(const QString &folder, const QString &name)
{
    QFile file(folder + QStringLiteral("/kernel.json"));
    // To open a pipe would wait until somebody writes.
    if (!QFileInfo(file.fileName()).isFile())
        return fail(ErrorCode::Io, QStringLiteral("it is no file"));
    if (!file.open(QIODevice::ReadOnly))
        return fail(ErrorCode::Io, file.errorString());
    const Result<Json> json = parseJson(file.read(MaxSpecBytes));
    if (!json)
        return fail(json.error());
    Result<QStringList> arguments = readArguments(*json);
    if (!arguments)
        return fail(arguments.error());

    KernelSpec spec;
    spec.name = name;
    spec.displayName = findText(*json, "display_name").value_or(name);
    spec.language = textOf(*json, "language");
    spec.argv = std::move(*arguments);
    spec.resourceDirectory = folder;
    spec.interruptMode = findText(*json, "interrupt_mode").value_or(QStringLiteral("signal"));
    if (const Json *variables = find(*json, "env"); variables && variables->is_object()) {
        for (const auto &[key, value] : variables->items()) {
            if (value.is_string())
                spec.environment.insert(QString::fromStdString(key), value.get<QString>());
        }
    }
    return spec;
}

QString namesOf(const QList<KernelSpec> &specs)
{
    if (specs.isEmpty())
        return QStringLiteral("no kernelspec is installed (apt-get install python3-ipykernel)");
    QStringList names;
    for (const KernelSpec &spec : specs)
        names.append(spec.name);
    return QStringLiteral("there is: %1").arg(names.join(QStringLiteral(", ")));
}

}  // namespace

QStringList jupyterPaths()
{
    QStringList paths =
        environment("JUPYTER_PATH").split(QDir::listSeparator(), Qt::SkipEmptyParts);
    const QStringList ofEnvironment = environmentFolders();
    if (isSet("JUPYTER_PREFER_ENV_PATH"))
        paths += ofEnvironment;
    paths += userDataFolder();
    paths += ofEnvironment;
    paths += QStringLiteral("/usr/local/share/jupyter");
    paths += QStringLiteral("/usr/share/jupyter");
    for (QString &path : paths)
        path = QDir::cleanPath(path);
    paths.removeDuplicates();
    return paths;
}

QList<KernelSpec> listKernelSpecs(const QStringList &paths)
{
    // The names that jupyter_client takes.
    static const QRegularExpression valid(QStringLiteral("^[a-z0-9._-]+$"),
                                          QRegularExpression::CaseInsensitiveOption);
    QMap<QString, KernelSpec> found;
    for (const QString &path : paths) {
        const QDir kernels(path + QStringLiteral("/kernels"));
        const QStringList folders = kernels.entryList(QDir::Dirs | QDir::NoDotAndDotDot);
        for (const QString &folder : folders) {
            const QString name = folder.toLower();
            const QString whole = kernels.absoluteFilePath(folder);
            if (found.contains(name) || !valid.match(folder).hasMatch() ||
                !QFile::exists(whole + QStringLiteral("/kernel.json")))
                continue;
            const Result<KernelSpec> spec = readSpec(whole, name);
            if (spec)
                found.insert(name, *spec);
            else
                qCWarning(lcKernelSpecs, "%s/kernel.json is skipped: %s", qUtf8Printable(whole),
                          qUtf8Printable(spec.error().message));
        }
    }
    return found.values();
}

Result<KernelSpec> findKernelSpec(const QString &name, const QStringList &paths)
{
    const QList<KernelSpec> specs = listKernelSpecs(paths);
    const auto it = std::find_if(specs.begin(), specs.end(), [&name](const KernelSpec &spec) {
        return spec.name == name.toLower();
    });
    if (it != specs.end())
        return *it;
    return fail(ErrorCode::NoKernel,
                QStringLiteral("no kernelspec is called \"%1\"; %2").arg(name, namesOf(specs)));
}

Result<KernelSpec> findKernelSpecForLanguage(const QString &language, const QStringList &paths)
{
    const QList<KernelSpec> specs = listKernelSpecs(paths);
    const QString wanted = language.isEmpty() ? QStringLiteral("python") : language;
    QList<KernelSpec> fitting;
    for (const KernelSpec &spec : specs) {
        if (spec.language.compare(wanted, Qt::CaseInsensitive) != 0)
            continue;
        if (spec.name == QLatin1String("python3"))
            return spec;
        fitting.append(spec);
    }
    if (fitting.size() == 1)
        return fitting.first();
    const QString which = fitting.isEmpty() ? QStringLiteral("no kernelspec is for")
                                            : QStringLiteral("more than one kernelspec is for");
    return fail(ErrorCode::NoKernel,
                QStringLiteral("%1 the language \"%2\"; %3")
                    .arg(which, wanted, namesOf(fitting.isEmpty() ? specs : fitting)));
}

}  // namespace celldeck::kernels
