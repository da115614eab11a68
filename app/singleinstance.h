#pragma once

#include <QLocalServer>
#include <QObject>

#include "base/result.h"

namespace celldeck::app {

/// The one console of a data folder: the first listens, and a later one hands over what it was
/// asked for and ends.
///
/// Owned by the console's command. Thread: GUI. Stopping: with its owner.
class SingleInstance final : public QObject
{
    Q_OBJECT

public:
    explicit SingleInstance(const QString &dataDirectory);

    /// Asks the console that runs already to come to the front and run `notebooks` (absolute
    /// paths). False: there is none. Fails with Timeout if it does not answer.
    [[nodiscard]] Result<bool> handOver(const QStringList &notebooks) const;

    /// Requires: the engine's lock is ours, so that no other console listens. Fails with Io.
    [[nodiscard]] Result<> listen();

Q_SIGNALS:
    void asked(const QStringList &notebooks);

private:
    void greet();
    void answer(QLocalSocket *socket);

    const QString m_path;
    QLocalServer m_server;
};

}  // namespace celldeck::app
