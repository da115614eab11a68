#include "kernels/connectionfile.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <QDir>
#include <QFile>
#include <QRandomGenerator>
#include <QUuid>
#include <array>
#include <cerrno>

#include "base/json.h"

namespace celldeck::kernels {

namespace {

constexpr auto OnlyOwner = QFile::ReadOwner | QFile::WriteOwner;

std::unexpected<Error> systemError(const char *what)
{
    return fail(
        ErrorCode::Io,
        QStringLiteral("kernel ports: %1: %2").arg(QLatin1String(what), qt_error_string(errno)));
}

/// Binds a free port of 127.0.0.1 and says which.
Result<int> bindFreePort(int socket)
{
    const int on = 1;
    if (::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return systemError("setsockopt");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    if (::bind(socket, generic, size) != 0)
        return systemError("bind");
    if (::getsockname(socket, generic, &size) != 0)
        return systemError("getsockname");
    return int(ntohs(address.sin_port));
}

QByteArray randomKey()
{
    std::array<quint32, 8> words{};
    QRandomGenerator::system()->fillRange(words.data(), words.size());
    return QByteArray(reinterpret_cast<const char *>(words.data()), sizeof words).toHex();
}

}  // namespace

QString ConnectionInfo::endpoint(int port)
{
    return QStringLiteral("tcp://127.0.0.1:%1").arg(port);
}

Result<ConnectionFile> ConnectionFile::create(const QString &folder, const QString &kernelName)
{
    ConnectionFile file;
    if (const Result<> reserved = file.reservePorts(); !reserved)
        return fail(reserved.error());
    file.m_info.key = randomKey();
    if (const Result<> written = file.write(folder, kernelName); !written)
        return fail(written.error());
    return file;
}

Result<ConnectionFile> ConnectionFile::adopt(const QString &path)
{
    QFile text(path);
    if (!text.open(QIODevice::ReadOnly))
        return fail(ErrorCode::Io, QStringLiteral("%1: %2").arg(path, text.errorString()));
    const auto content = parseJson(text.readAll());
    if (!content)
        return fail(ErrorCode::Io, QStringLiteral("%1: %2").arg(path, content.error().message));
    ConnectionFile file;
    const std::pair<int *, const char *> ports[] = {{&file.m_info.shellPort, "shell_port"},
                                                    {&file.m_info.iopubPort, "iopub_port"},
                                                    {&file.m_info.stdinPort, "stdin_port"},
                                                    {&file.m_info.controlPort, "control_port"},
                                                    {&file.m_info.heartbeatPort, "hb_port"}};
    for (const auto &[port, name] : ports) {
        const auto number = findInt(*content, name);
        if (!number || *number < 1 || *number > 65'535)
            return fail(ErrorCode::Io,
                        QStringLiteral("%1 has no %2").arg(path, QLatin1String(name)));
        *port = static_cast<int>(*number);
    }
    file.m_info.key = textOf(*content, "key").toLatin1();
    file.m_path = path;
    return file;
}

ConnectionFile::~ConnectionFile()
{
    releasePorts();
    if (!m_path.isEmpty())
        QFile::remove(m_path);
}

ConnectionFile::ConnectionFile(ConnectionFile &&other) noexcept
{
    swap(other);
}

ConnectionFile &ConnectionFile::operator=(ConnectionFile &&other) noexcept
{
    swap(other);
    return *this;
}

void ConnectionFile::swap(ConnectionFile &other) noexcept
{
    std::swap(m_path, other.m_path);
    std::swap(m_info, other.m_info);
    std::swap(m_reserved, other.m_reserved);
}

void ConnectionFile::releasePorts()
{
    for (int &socket : m_reserved) {
        if (socket >= 0)
            ::close(socket);
        socket = -1;
    }
}

Result<> ConnectionFile::reservePorts()
{
    int *const ports[] = {&m_info.shellPort, &m_info.iopubPort, &m_info.stdinPort,
                          &m_info.controlPort, &m_info.heartbeatPort};
    for (size_t i = 0; i < m_reserved.size(); ++i) {
        m_reserved[i] = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (m_reserved[i] < 0)
            return systemError("socket");
        const Result<int> port = bindFreePort(m_reserved[i]);
        if (!port)
            return fail(port.error());
        *ports[i] = *port;
    }
    return {};
}

Result<> ConnectionFile::write(const QString &folder, const QString &kernelName)
{
    const auto failed = [&folder](const QString &reason) {
        return fail(ErrorCode::Io,
                    QStringLiteral("%1: cannot write a connection file: %2").arg(folder, reason));
    };
    if (!QDir().mkpath(folder))
        return failed(QStringLiteral("the folder cannot be made"));
    if (!QFile::setPermissions(folder, OnlyOwner | QFile::ExeOwner))
        return failed(QStringLiteral("the folder cannot be made private"));

    const Json content = {{"transport", "tcp"},
                          {"ip", "127.0.0.1"},
                          {"shell_port", m_info.shellPort},
                          {"iopub_port", m_info.iopubPort},
                          {"stdin_port", m_info.stdinPort},
                          {"control_port", m_info.controlPort},
                          {"hb_port", m_info.heartbeatPort},
                          {"signature_scheme", "hmac-sha256"},
                          {"key", m_info.key.toStdString()},
                          {"kernel_name", kernelName.toStdString()}};
    const QString id = QUuid::createUuid().toString(QUuid::WithoutBraces);
    QFile file(QDir(folder).absoluteFilePath(QStringLiteral("kernel-%1.json").arg(id)));
    if (!file.open(QIODevice::WriteOnly | QIODevice::NewOnly, OnlyOwner))
        return failed(file.errorString());
    m_path = file.fileName();
    const QByteArray text = toBytes(content);
    if (file.write(text) != text.size() || !file.flush())
        return failed(file.errorString());
    return {};
}

}  // namespace celldeck::kernels
