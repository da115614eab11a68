#pragma once

#include <QByteArray>
#include <QString>
#include <array>

#include "base/result.h"

namespace celldeck::kernels {

/// Where a kernel listens and what its messages are signed with.
struct ConnectionInfo
{
    int shellPort = 0;
    int iopubPort = 0;
    int stdinPort = 0;
    int controlPort = 0;
    int heartbeatPort = 0;
    QByteArray key;

    [[nodiscard]] static QString endpoint(int port);
    bool operator==(const ConnectionInfo &) const = default;
};

/// The file that tells a kernel where to listen: free ports of 127.0.0.1 and a random key, readable
/// to its owner only.
///
/// The ports stay reserved until `releasePorts()`: a socket bound with SO_REUSEADDR that does not
/// listen keeps others from being given the port, and lets the kernel bind it (ZeroMQ sets
/// SO_REUSEADDR too). Kernels that start at the same moment so never get the same one.
///
/// Owned by a Kernel. Thread: any one. Stopping: the destructor removes the file.
class ConnectionFile final
{
public:
    /// Fails with Io. Makes `folder` (0700) if it is missing.
    [[nodiscard]] static Result<ConnectionFile> create(const QString &folder,
                                                       const QString &kernelName);
    /// Reads the one that an earlier engine has made, and owns it from now on. Fails with Io.
    [[nodiscard]] static Result<ConnectionFile> adopt(const QString &path);
    ~ConnectionFile();
    ConnectionFile(ConnectionFile &&other) noexcept;
    ConnectionFile &operator=(ConnectionFile &&other) noexcept;

    [[nodiscard]] const QString &path() const { return m_path; }
    [[nodiscard]] const ConnectionInfo &info() const { return m_info; }

    /// Once the kernel listens.
    void releasePorts();

private:
    ConnectionFile() = default;
    void swap(ConnectionFile &other) noexcept;
    [[nodiscard]] Result<> reservePorts();
    [[nodiscard]] Result<> write(const QString &folder, const QString &kernelName);

    QString m_path;
    ConnectionInfo m_info;
    std::array<int, 5> m_reserved{-1, -1, -1, -1, -1};
};

}  // namespace celldeck::kernels
