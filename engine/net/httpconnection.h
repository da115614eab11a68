#pragma once

#include <QHash>
#include <QObject>
#include <QTcpSocket>
#include <QTimer>
#include <QUrl>

#include "net/outbox.h"

namespace celldeck::net {

struct HttpRequest
{
    QByteArray method;
    QUrl target;
    QHash<QByteArray, QByteArray> headers;  ///< Names in lower case
    QByteArray body;

    [[nodiscard]] QByteArray header(const QByteArray &name) const { return headers.value(name); }
};

struct HttpLimits
{
    qsizetype headBytes = 16 * 1024;
    qsizetype bodyBytes = 16 * 1024 * 1024;
    int requestMs = 10'000;  ///< For a head or a body, once its first byte has come
};

/// One client's HTTP/1.1 connection: one request at a time, each within the limits, and answers
/// that may be streams of server-sent events. Qt's own HTTP server reads a body of any size into
/// memory, and only the first request of a connection can be bounded in front of it.
///
/// Owned by the FrontDoor, and deletes itself when the client has gone. Thread: the engine's.
class HttpConnection final : public QObject
{
    Q_OBJECT

public:
    HttpConnection(QTcpSocket *socket, HttpLimits limits, QObject *parent);
    ~HttpConnection() override;

    /// Answers the request. Requires: none is answered already.
    void respond(int status, const QByteArray &contentType, const QByteArray &body,
                 const QList<std::pair<QByteArray, QByteArray>> &headers = {});
    /// Begins a stream of events as the answer.
    void beginEvents(const QList<std::pair<QByteArray, QByteArray>> &headers = {});
    void sendEvent(const QByteArray &data);
    void endEvents();

Q_SIGNALS:
    void requested(const celldeck::net::HttpRequest &request);
    /// A WebSocket handshake: its bytes are still in the socket, which now belongs to the receiver.
    void upgradeRequested(QTcpSocket *socket, const celldeck::net::HttpRequest &request);
    void closed();

private:
    enum class Phase { Head, Body, Answering, Events };

    void read();
    bool readHead();
    bool readBody();
    bool checkHead();
    void handOver();
    void refuse(int status, const QByteArray &why);
    void finishAnswer();
    void write(const QByteArray &bytes);
    [[nodiscard]] QByteArray head(int status,
                                  const QList<std::pair<QByteArray, QByteArray>> &headers) const;

    QTcpSocket *m_socket;
    const HttpLimits m_limits;
    Phase m_phase = Phase::Head;
    HttpRequest m_request;
    qsizetype m_bodyBytes = 0;
    bool m_closing = false;
    QTimer m_deadline;
    QTimer m_keepAlive;
    Outbox m_outbox;
};

}  // namespace celldeck::net
