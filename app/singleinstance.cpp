#include "singleinstance.h"

#include <QDir>

#include "base/json.h"

namespace celldeck::app {

namespace {

constexpr int AnswerLimitMs = 5'000;
// More than any command line holds (ARG_MAX).
constexpr qint64 MaxMessageBytes = 4 * 1024 * 1024;
const QByteArray Starting = QByteArrayLiteral("starting\n");

}  // namespace

SingleInstance::SingleInstance(const QString &dataDirectory)
    : m_folder(dataDirectory + QStringLiteral("/runtime")),
      m_path(m_folder + QStringLiteral("/console.sock")),
      m_lock(m_folder + QStringLiteral("/console.lock"))
{
    m_server.setSocketOptions(QLocalServer::UserAccessOption);
    connect(&m_server, &QLocalServer::newConnection, this, &SingleInstance::greet);
}

bool SingleInstance::claim()
{
    QDir().mkpath(m_folder);
    // One start after the other, so that who finds the lock taken finds the socket too.
    LockFile turn(m_folder + QStringLiteral("/console.turn"));
    if (!turn.waitAndLock())
        return true;
    const Result<> locked = m_lock.lock();
    if (!locked)
        return locked.error().code != ErrorCode::Conflict;
    QLocalServer::removeServer(m_path);  // Of one that was killed.
    if (!m_server.listen(m_path))
        qWarning("a second start cannot reach this console: %s (%s)", qUtf8Printable(m_path),
                 qUtf8Printable(m_server.errorString()));
    return true;
}

Result<> SingleInstance::handOver(const QStringList &notebooks) const
{
    QLocalSocket socket;
    socket.connectToServer(m_path);
    const auto mute = [&socket] {
        return fail(ErrorCode::Timeout,
                    QStringLiteral("the console of this data folder runs already, but does not "
                                   "answer (%1)")
                        .arg(socket.errorString()));
    };
    if (!socket.waitForConnected(AnswerLimitMs))
        return mute();
    Json paths = Json::array();
    for (const QString &path : notebooks)
        paths.push_back(path);
    socket.write(toBytes({{"notebooks", std::move(paths)}}) + '\n');
    bool starting = false;
    for (;;) {
        while (!socket.canReadLine()) {
            // One that starts, and recovers what was left, may take its time.
            if (socket.waitForReadyRead(starting ? -1 : AnswerLimitMs))
                continue;
            if (starting)
                return fail(ErrorCode::Io,
                            QStringLiteral("the console of this data folder was starting, and has "
                                           "ended: see what it says, and try again"));
            return mute();
        }
        if (socket.readLine() != Starting)
            return {};
        starting = true;
    }
}

void SingleInstance::open()
{
    m_open = true;
    for (const auto &socket : std::exchange(m_waiting, {})) {
        if (socket)
            answer(socket);
    }
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
    if (!m_open) {
        m_waiting.emplace_back(socket);
        socket->write(Starting);
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
