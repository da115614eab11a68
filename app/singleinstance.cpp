#include "singleinstance.h"

#include <QLocalSocket>

#include "base/json.h"

namespace celldeck::app {

namespace {

constexpr int AnswerLimitMs = 5'000;
// More than any command line holds (ARG_MAX).
constexpr qint64 MaxMessageBytes = 4 * 1024 * 1024;

}  // namespace

SingleInstance::SingleInstance(const QString &dataDirectory)
    : m_path(dataDirectory + QStringLiteral("/runtime/console.sock"))
{
    m_server.setSocketOptions(QLocalServer::UserAccessOption);
    connect(&m_server, &QLocalServer::newConnection, this, &SingleInstance::greet);
}

Result<bool> SingleInstance::handOver(const QStringList &notebooks) const
{
    QLocalSocket socket;
    socket.connectToServer(m_path);
    if (!socket.waitForConnected(AnswerLimitMs))
        return false;
    Json paths = Json::array();
    for (const QString &path : notebooks)
        paths.push_back(path);
    socket.write(toBytes({{"notebooks", std::move(paths)}}) + '\n');
    while (!socket.canReadLine()) {
        if (!socket.waitForReadyRead(AnswerLimitMs))
            return fail(ErrorCode::Timeout,
                        QStringLiteral("the console of this data folder runs already, but does "
                                       "not answer (%1)")
                            .arg(socket.errorString()));
    }
    return true;
}

Result<> SingleInstance::listen()
{
    QLocalServer::removeServer(m_path);  // Of one that was killed.
    if (m_server.listen(m_path))
        return {};
    return fail(ErrorCode::Io, QStringLiteral("a second start cannot reach this console: %1 (%2)")
                                   .arg(m_path, m_server.errorString()));
}

void SingleInstance::greet()
{
    while (QLocalSocket *socket = m_server.nextPendingConnection()) {
        connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
        connect(socket, &QLocalSocket::readyRead, this, [this, socket] { answer(socket); });
        answer(socket);
    }
}

void SingleInstance::answer(QLocalSocket *socket)
{
    if (!socket->canReadLine()) {
        if (socket->bytesAvailable() > MaxMessageBytes)
            socket->abort();
        return;
    }
    QStringList notebooks;
    if (const auto message = parseJson(socket->readLine())) {
        const Json *paths = find(*message, "notebooks");
        for (const Json &path : paths && paths->is_array() ? *paths : Json::array()) {
            if (path.is_string())
                notebooks << path.get<QString>();
        }
    }
    Q_EMIT asked(notebooks);
    socket->write("shown\n");
    socket->disconnectFromServer();  // After what is written has left.
}

}  // namespace celldeck::app
