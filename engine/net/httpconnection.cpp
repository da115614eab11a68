#include "net/httpconnection.h"

#include <QPointer>

namespace celldeck::net {

namespace {

constexpr int KeepAliveMs = 15'000;  // Proxies and clients give a silent stream a minute or so.

QByteArray reasonOf(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 202:
        return "Accepted";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 408:
        return "Request Timeout";
    case 411:
        return "Length Required";
    case 413:
        return "Content Too Large";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

bool parseHead(const QByteArray &head, HttpRequest &request)
{
    const QList<QByteArray> lines = head.split('\n');
    const QList<QByteArray> first = lines.value(0).trimmed().split(' ');
    if (first.size() != 3 || !first[2].startsWith("HTTP/1."))
        return false;
    request.method = first[0];
    request.target = QUrl::fromEncoded(first[1], QUrl::StrictMode);
    if (!request.target.isValid() || !request.target.path().startsWith(QLatin1Char('/')))
        return false;
    for (qsizetype i = 1; i < lines.size(); ++i) {
        const QByteArray line = lines[i].trimmed();
        const qsizetype colon = line.indexOf(':');
        if (colon <= 0)
            return false;
        const QByteArray name = line.left(colon).toLower();
        // Two of one of these could be read in two ways: that is how requests are smuggled.
        if (request.headers.contains(name) && (name == "host" || name == "content-length" ||
                                               name == "authorization" || name == "origin"))
            return false;
        request.headers.insert(name, line.mid(colon + 1).trimmed());
    }
    return true;
}

}  // namespace

HttpConnection::HttpConnection(QTcpSocket *socket, HttpLimits limits, QObject *parent)
    : QObject(parent),
      m_socket(socket),
      m_limits(limits),
      m_outbox({[this] { return m_socket ? m_socket->bytesToWrite() : 0; },
                [this](const QByteArray &bytes) {
                    if (m_socket)
                        m_socket->write(bytes);
                }})
{
    m_socket->setParent(this);
    m_deadline.setSingleShot(true);
    connect(&m_deadline, &QTimer::timeout, this,
            [this] { refuse(408, "the request did not come in time"); });
    connect(&m_keepAlive, &QTimer::timeout, this, [this] { write(": alive\n\n"); });
    connect(m_socket, &QTcpSocket::readyRead, this, &HttpConnection::read);
    connect(m_socket, &QTcpSocket::bytesWritten, this, [this] { m_outbox.pump(); });
    connect(m_socket, &QTcpSocket::disconnected, this, [this] {
        Q_EMIT closed();
        deleteLater();
    });
    m_deadline.start(m_limits.requestMs);
}

HttpConnection::~HttpConnection() = default;

void HttpConnection::read()
{
    const QPointer<HttpConnection> self(this);
    while (self && m_socket && !m_closing) {
        const bool more = m_phase == Phase::Head   ? readHead()
                          : m_phase == Phase::Body ? readBody()
                                                   : false;
        if (!more)
            return;
    }
}

bool HttpConnection::readHead()
{
    // What a client that has gone again had sent is of no use: nobody reads the answer.
    if (m_socket->bytesAvailable() == 0 || !m_socket->isOpen())
        return false;
    if (!m_deadline.isActive())
        m_deadline.start(m_limits.requestMs);
    const QByteArray peeked = m_socket->peek(m_limits.headBytes + 1);
    const qsizetype end = peeked.indexOf("\r\n\r\n");
    if (end < 0) {
        if (peeked.size() > m_limits.headBytes)
            refuse(431, "the head of the request is too long");
        return false;
    }
    m_request = {};
    if (!parseHead(peeked.left(end), m_request)) {
        refuse(400, "the request is no HTTP/1.1");
        return false;
    }
    if (m_request.header("upgrade").toLower() == "websocket") {
        handOver();
        return false;
    }
    m_socket->read(end + 4);
    return checkHead();
}

bool HttpConnection::checkHead()
{
    if (!m_request.header("transfer-encoding").isEmpty()) {
        refuse(411, "chunked bodies are not taken: send Content-Length");
        return false;
    }
    const QByteArray length = m_request.header("content-length");
    bool good = length.isEmpty();
    const qlonglong bytes = good ? 0 : length.toLongLong(&good);
    if (!good || bytes < 0) {
        refuse(400, "Content-Length is no number");
        return false;
    }
    if (bytes > m_limits.bodyBytes) {
        refuse(413, "the body is too large");
        return false;
    }
    m_bodyBytes = bytes;
    m_phase = Phase::Body;
    if (m_request.header("expect").toLower() == "100-continue")
        write("HTTP/1.1 100 Continue\r\n\r\n");
    return true;
}

bool HttpConnection::readBody()
{
    if (m_request.body.size() < m_bodyBytes)
        m_request.body += m_socket->read(m_bodyBytes - m_request.body.size());
    if (m_request.body.size() < m_bodyBytes)
        return false;
    m_deadline.stop();
    m_phase = Phase::Answering;
    m_closing = m_request.header("connection").toLower() == "close";
    const HttpRequest request = std::exchange(m_request, {});
    Q_EMIT requested(request);
    return false;
}

void HttpConnection::handOver()
{
    QTcpSocket *socket = std::exchange(m_socket, nullptr);
    m_deadline.stop();
    socket->disconnect(this);
    socket->setParent(nullptr);
    deleteLater();
    Q_EMIT upgradeRequested(socket, m_request);
}

void HttpConnection::refuse(int status, const QByteArray &why)
{
    m_closing = true;
    m_deadline.stop();
    m_phase = Phase::Answering;
    respond(status, "text/plain; charset=utf-8", why + '\n');
}

QByteArray HttpConnection::head(int status,
                                const QList<std::pair<QByteArray, QByteArray>> &headers) const
{
    QByteArray text = "HTTP/1.1 " + QByteArray::number(status) + ' ' + reasonOf(status) + "\r\n";
    for (const auto &[name, value] : headers)
        text += name + ": " + value + "\r\n";
    if (m_closing)
        text += "Connection: close\r\n";
    return text + "\r\n";
}

void HttpConnection::respond(int status, const QByteArray &contentType, const QByteArray &body,
                             const QList<std::pair<QByteArray, QByteArray>> &headers)
{
    QList<std::pair<QByteArray, QByteArray>> all = headers;
    if (!contentType.isEmpty())
        all.emplaceBack("Content-Type", contentType);
    all.emplaceBack("Content-Length", QByteArray::number(body.size()));
    all.emplaceBack("X-Content-Type-Options", "nosniff");
    QByteArray bytes = head(status, all);
    bytes += body;
    write(bytes);
    finishAnswer();
}

void HttpConnection::beginEvents(const QList<std::pair<QByteArray, QByteArray>> &headers)
{
    QList<std::pair<QByteArray, QByteArray>> all = headers;
    all.emplaceBack("Content-Type", "text/event-stream");
    all.emplaceBack("Cache-Control", "no-cache, no-transform");
    all.emplaceBack("X-Accel-Buffering", "no");
    // Without a length the end of the stream is the end of the connection.
    m_closing = true;
    m_phase = Phase::Events;
    write(head(200, all));
    m_keepAlive.start(KeepAliveMs);
}

void HttpConnection::sendEvent(const QByteArray &data)
{
    QByteArray event("event: message\ndata: ");
    event += data;
    event += "\n\n";
    write(event);
}

void HttpConnection::endEvents()
{
    m_keepAlive.stop();
    finishAnswer();
}

void HttpConnection::finishAnswer()
{
    if (!m_socket)
        return;
    if (m_closing) {
        m_socket->disconnectFromHost();
        return;
    }
    m_phase = Phase::Head;
    // The next request may be there already; not from inside the handler of this one.
    QMetaObject::invokeMethod(this, &HttpConnection::read, Qt::QueuedConnection);
}

void HttpConnection::write(const QByteArray &bytes)
{
    if (m_socket && !m_outbox.push(bytes)) {
        qWarning("a client that does not read was cut off: more than %lld bytes wait for it",
                 static_cast<long long>(OutboxLimit));
        m_socket->abort();
    }
}

}  // namespace celldeck::net
