#include "kernels/kernelprocess.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <QCoreApplication>
#include <QFile>
#include <QRegularExpression>
#include <csignal>

namespace celldeck::kernels {

namespace {

constexpr qsizetype ErrorTailBytes = 16 * 1024;
constexpr qsizetype ShownErrorChars = 600;
constexpr int KillWaitMs = 100;  // SIGKILL needs no more; the destructor must not hang

QStringList commandOf(const KernelSpec &spec, const QString &connectionFile)
{
    QStringList command;
    bool isIpython = false;
    for (QString argument : spec.argv) {
        isIpython |= argument.startsWith(QLatin1String("ipykernel"));
        command << argument.replace(QLatin1String("{connection_file}"), connectionFile)
                       .replace(QLatin1String("{resource_dir}"), spec.resourceDirectory);
    }
    // As nbclient: what runs here is in our log, and is no line that a person typed. On disk, the
    // history would also cost five fsyncs a cell, and kernels would wait for each other.
    // Its pause of half a millisecond before each reply stays: what a cell's child processes print
    // reaches ipykernel through a pipe that a thread reads, and would come behind idle without it.
    if (isIpython)
        command << QStringLiteral("--HistoryManager.hist_file=:memory:");
    return command;
}

/// As jupyter_client, which takes Python's string.Template: $NAME and ${NAME} are variables of our
/// own environment, $$ is a dollar; what is not known, or no name, stays as it is.
QString substituted(const QString &value, const QProcessEnvironment &environment)
{
    static const QRegularExpression Variable(
        QStringLiteral("\\$(?:(\\$)|([A-Za-z_][A-Za-z0-9_]*)|\\{([A-Za-z_][A-Za-z0-9_]*)\\})"));
    QString result;
    qsizetype at = 0;
    for (auto found = Variable.globalMatch(value); found.hasNext();) {
        const QRegularExpressionMatch match = found.next();
        const QString name = match.captured(2) + match.captured(3);
        result += QStringView(value).sliced(at, match.capturedStart() - at);
        if (name.isEmpty())
            result += u'$';
        else
            result += environment.contains(name) ? environment.value(name) : match.captured();
        at = match.capturedEnd();
    }
    return result + QStringView(value).sliced(at);
}

}  // namespace

KernelProcess::KernelProcess()
{
    m_process.setStandardInputFile(QProcess::nullDevice());
    m_process.setStandardOutputFile(QProcess::nullDevice());
    connect(&m_process, &QProcess::finished, this, [this](int code, QProcess::ExitStatus status) {
        end(status == QProcess::CrashExit ? QStringLiteral("it was killed by signal %1").arg(code)
                                          : QStringLiteral("it ended with exit code %1").arg(code));
    });
    connect(&m_process, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart)
            end(QStringLiteral("%1 could not be started (%2)")
                    .arg(m_process.program(), m_process.errorString()));
    });
}

KernelProcess::~KernelProcess()
{
    m_process.disconnect(this);
    if (isRunning()) {
        signal(SIGKILL);
        if (m_handle < 0)
            m_process.waitForFinished(KillWaitMs);
    }
    m_handleNotifier.reset();
    if (m_handle >= 0)
        ::close(m_handle);
    if (!m_errorsPath.isEmpty())
        QFile::remove(m_errorsPath);
}

void KernelProcess::useErrorsOf(const QString &connectionFile)
{
    m_errorsPath = connectionFile + QStringLiteral(".stderr");
}

Result<> KernelProcess::adopt(const ProcessIdentity &process, const QString &connectionFile)
{
    const auto gone = [&process] {
        return fail(ErrorCode::NotFound,
                    QStringLiteral("the kernel's process %1 has ended").arg(process.pid));
    };
    // First the handle, then the look: what has that pid now keeps it while the handle is open.
    const auto handle = static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0));
    if (handle < 0)
        return gone();
    if (identityOf(process.pid) != process) {
        ::close(handle);
        return gone();
    }
    m_handle = handle;
    m_pid = process.pid;
    useErrorsOf(connectionFile);
    m_handleNotifier = std::make_unique<QSocketNotifier>(handle, QSocketNotifier::Read);
    connect(m_handleNotifier.get(), &QSocketNotifier::activated, this, [this] {
        m_handleNotifier->setEnabled(false);
        end(QStringLiteral("it ended (how is not known: an earlier engine had started it)"));
    });
    return {};
}

void KernelProcess::start(const KernelSpec &spec, const QString &connectionFile,
                          const QString &workingDirectory, KernelLife life)
{
    const QStringList command = commandOf(spec, connectionFile);
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    const QProcessEnvironment ours = environment;
    for (const auto &[name, value] : spec.environment.asKeyValueRange())
        environment.insert(name, substituted(value, ours));
    // pydevd warns on stderr about frozen modules at each start otherwise.
    environment.insert(QStringLiteral("PYDEVD_DISABLE_FILE_VALIDATION"), QStringLiteral("1"));
    if (life == KernelLife::WithEngine)
        environment.insert(QStringLiteral("JPY_PARENT_PID"),
                           QString::number(QCoreApplication::applicationPid()));
    else
        environment.remove(QStringLiteral("JPY_PARENT_PID"));
    // ipykernel looks for that process; others are ended by the system with the thread, the main
    // one, that has started them.
    m_process.setChildProcessModifier([life] {
        ::setsid();
        if (life == KernelLife::WithEngine)
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    });
    useErrorsOf(connectionFile);
    m_process.setStandardErrorFile(m_errorsPath);
    m_process.setProcessEnvironment(environment);
    m_process.setWorkingDirectory(workingDirectory);
    m_process.start(command.value(0), command.mid(1));
    m_pid = m_process.processId();
}

void KernelProcess::signal(int number)
{
    // Between fork and setsid the group does not exist yet.
    if (isRunning() && m_pid > 0 && ::kill(-static_cast<pid_t>(m_pid), number) != 0)
        ::kill(static_cast<pid_t>(m_pid), number);
}

bool KernelProcess::isRunning() const
{
    return m_handle >= 0 ? !m_ended.isResolved() : m_process.state() != QProcess::NotRunning;
}

QString KernelProcess::lastErrors() const
{
    QFile file(m_errorsPath);
    if (m_errorsPath.isEmpty() || !file.open(QIODevice::ReadOnly))
        return {};  // It was never started.
    file.seek(std::max<qint64>(0, file.size() - ErrorTailBytes));
    return QString::fromUtf8(file.readAll()).trimmed().right(ShownErrorChars);
}

QString KernelProcess::reason() const
{
    const QString errors = lastErrors();
    if (errors.isEmpty())
        return m_reason;
    return m_reason + QStringLiteral("; its last words: ") + errors;
}

void KernelProcess::end(const QString &reason)
{
    if (m_ended.isResolved())
        return;
    // What the kernel started must not outlive it in our name.
    if (m_pid > 0)
        ::kill(-static_cast<pid_t>(m_pid), SIGKILL);
    m_reason = reason;
    m_ended.resolve({});
    Q_EMIT finished();
}

}  // namespace celldeck::kernels
