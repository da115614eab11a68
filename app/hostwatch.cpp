#include "hostwatch.h"

#include <sys/syscall.h>
#include <unistd.h>
#include <QFileInfo>

#include "base/lockfile.h"
#include "endpointclient.h"
#include "engine/engine.h"

namespace celldeck::app {

HostWatch::HostWatch(QString dataDirectory) : m_dataDirectory(std::move(dataDirectory))
{
    connect(&m_folder, &QFileSystemWatcher::directoryChanged, this, &HostWatch::look);
}

HostWatch::~HostWatch()
{
    m_ended.reset();
    if (m_process >= 0)
        ::close(m_process);
}

bool HostWatch::isHosted() const
{
    LockFile lock(hostLockFile(m_dataDirectory));
    const Result<> locked = lock.lock();
    return !locked && locked.error().code == ErrorCode::Conflict;
}

std::optional<qint64> HostWatch::host() const
{
    return LockFile(hostLockFile(m_dataDirectory)).owner();
}

Waiter<> HostWatch::changed()
{
    m_changed = {};
    m_folder.addPath(QFileInfo(hostLockFile(m_dataDirectory)).absolutePath());
    m_ended.reset();
    if (m_process >= 0)
        ::close(m_process);
    // One that is killed leaves its lock file behind, and the folder as it is.
    m_process = static_cast<int>(::syscall(SYS_pidfd_open, host().value_or(0), 0));
    if (m_process >= 0) {
        m_ended = std::make_unique<QSocketNotifier>(m_process, QSocketNotifier::Read);
        connect(m_ended.get(), &QSocketNotifier::activated, this, [this] {
            m_ended->setEnabled(false);
            m_changed.resolve({});
        });
    }
    look();  // It may have left before anybody watched.
    return m_changed;
}

void HostWatch::look()
{
    if (!isHosted() || EndpointClient::find(m_dataDirectory))
        m_changed.resolve({});
}

}  // namespace celldeck::app
