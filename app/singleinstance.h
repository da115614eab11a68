#pragma once

#include <QLocalServer>
#include <QLocalSocket>
#include <QObject>
#include <QPointer>
#include <vector>

#include "base/lockfile.h"
#include "base/result.h"

namespace celldeck::app {

/// The one console of a data folder: the first listens, from before it has its engine and its
/// window, and a later one hands over what it was asked for and ends.
///
/// Owned by the console's command. Thread: GUI. Stopping: with its owner.
class SingleInstance final : public QObject
{
    Q_OBJECT

public:
    explicit SingleInstance(const QString &dataDirectory);

    /// Becomes the console of the folder. False: another one is it. Where nobody can listen there,
    /// this is the one all the same: what is wrong with the folder is the engine's to say.
    [[nodiscard]] bool claim();
    /// Asks the other one to come to the front and run `notebooks` (absolute paths), and waits
    /// until it has. Fails with Timeout if it does not answer, with Io if it ends instead.
    [[nodiscard]] Result<> handOver(const QStringList &notebooks) const;

    /// There is a window: what was asked for until now comes, and what is asked from now on.
    void open();

Q_SIGNALS:
    void asked(const QStringList &notebooks);

private:
    void greet();
    void answer(QLocalSocket *socket);

    const QString m_folder;
    const QString m_path;
    LockFile m_lock;
    bool m_open = false;
    std::vector<QPointer<QLocalSocket>> m_waiting;  // for the window
    QLocalServer m_server;
};

}  // namespace celldeck::app
