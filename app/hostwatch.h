#pragma once

#include <QFileSystemWatcher>
#include <QObject>
#include <QSocketNotifier>
#include <memory>
#include <optional>

#include "async/waiter.h"

namespace celldeck::app {

/// Who hosts a data folder without an endpoint through which others could work (a `celldeck run`, a
/// command that changes the database, an engine that is about to start), and when that changes.
///
/// Owned by a command. Thread: one with an event loop. Stopping: with its owner.
class HostWatch final : public QObject
{
    Q_OBJECT

public:
    explicit HostWatch(QString dataDirectory);
    ~HostWatch() override;

    /// Whether another process hosts the folder.
    [[nodiscard]] bool isHosted() const;
    /// As far as it has told.
    [[nodiscard]] std::optional<qint64> host() const;
    /// Resolves when the host has left, its process has ended, or it has opened an endpoint.
    [[nodiscard]] Waiter<> changed();

private:
    void look();

    const QString m_dataDirectory;
    QFileSystemWatcher m_folder;
    int m_process = -1;  // pidfd of the host
    std::unique_ptr<QSocketNotifier> m_ended;
    Waiter<> m_changed;
};

}  // namespace celldeck::app
