#include "endpointclient.h"

#include <QCoreApplication>
#include <QFile>
#include <QNetworkReply>

#include "kernels/processidentity.h"
#include "storage/audit.h"

namespace celldeck::app {

namespace {

/// The last JSON object of a body that is JSON or a stream of events.
Result<Json> lastObjectOf(const QByteArray &body)
{
    QByteArray text = body.trimmed();
    for (const QByteArray &line : body.split('\n')) {
        if (line.startsWith("data: {"))
            text = line.mid(6);
    }
    return text.isEmpty() ? Result<Json>(Json()) : parseJson(text);
}

Error errorOf(const Json &result)
{
    Error error;
    error.code = ErrorCode::Io;
    const Json *meta = find(result, "_meta");
    const Json *told = meta ? find(*meta, "celldeck/error") : nullptr;
    if (!told) {
        error.message = QString::fromUtf8(toBytes(result));
        return error;
    }
    error.message = textOf(*told, "message");
    const QString code = textOf(*told, "code");
    for (const ErrorCode known :
         {ErrorCode::NotFound, ErrorCode::Conflict, ErrorCode::QueueFull, ErrorCode::NoKernel,
          ErrorCode::InvalidArgument, ErrorCode::OutsideWorkspace, ErrorCode::TooLarge,
          ErrorCode::StorageUnavailable}) {
        if (toCode(known) == code)
            error.code = known;
    }
    return error;
}

}  // namespace

std::unique_ptr<EndpointClient> EndpointClient::find(const QString &dataDirectory)
{
    QFile file(dataDirectory + QStringLiteral("/runtime/endpoint.json"));
    if (!file.open(QIODevice::ReadOnly))
        return nullptr;
    const auto endpoint = parseJson(file.readAll());
    if (!endpoint)
        return nullptr;
    // The file of an engine that was killed is still there.
    const auto pid = findInt(*endpoint, "pid");
    if (!pid || !kernels::identityOf(*pid))
        return nullptr;
    return std::unique_ptr<EndpointClient>(
        new EndpointClient(QUrl(textOf(*endpoint, "url")), textOf(*endpoint, "token").toLatin1()));
}

QCoro::Task<Result<Answer>> EndpointClient::post(Json message, Milliseconds limit)
{
    QNetworkRequest request(m_url);
    request.setHeader(QNetworkRequest::ContentTypeHeader, QByteArrayLiteral("application/json"));
    request.setRawHeader("Accept", "application/json, text/event-stream");
    request.setRawHeader("Authorization", "Bearer " + m_token);
    if (!m_session.isEmpty()) {
        request.setRawHeader("Mcp-Session-Id", m_session);
        request.setRawHeader("MCP-Protocol-Version", "2025-11-25");
    }
    const std::unique_ptr<QNetworkReply> reply(m_network.post(request, toBytes(message)));
    const Waiter<> finished;
    QObject::connect(reply.get(), &QNetworkReply::finished, reply.get(),
                     [finished] { finished.resolve({}); });
    const Result<> answered = co_await finished.wait(m_scope, limit);
    if (!answered)
        co_return fail(answered.error());
    if (reply->error() != QNetworkReply::NoError)
        co_return fail(ErrorCode::Io, QStringLiteral("the engine at %1 does not answer: %2")
                                          .arg(m_url.toString(), reply->errorString()));
    if (reply->hasRawHeader("Mcp-Session-Id"))
        m_session = reply->rawHeader("Mcp-Session-Id");
    const Result<Json> object = lastObjectOf(reply->readAll());
    // A stream that breaks off is no error to Qt: it ends with what keeps it open, or with progress.
    co_return Answer{object ? *object : Json()};
}

QCoro::Task<Result<>> EndpointClient::greet()
{
    Json hello = {{"jsonrpc", "2.0"}, {"id", ++m_number}, {"method", "initialize"}};
    hello["params"] = {{"protocolVersion", "2025-11-25"},
                       {"capabilities", Json::object()},
                       {"clientInfo",
                        {{"name", QString(storage::ShellClient)},
                         {"version", QCoreApplication::applicationVersion()}}}};
    const Result<Answer> answer = co_await post(std::move(hello));
    if (!answer)
        co_return fail(answer.error());
    const Result<Answer> told =
        co_await post({{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}});
    if (!told)
        co_return fail(told.error());
    co_return Result<>{};
}

QCoro::Task<Result<Answer>> EndpointClient::call(QString tool, Json arguments, Milliseconds limit)
{
    if (m_session.isEmpty()) {
        const Result<> greeted = co_await greet();
        if (!greeted)
            co_return fail(greeted.error());
    }
    Json request = {{"jsonrpc", "2.0"}, {"id", ++m_number}, {"method", "tools/call"}};
    request["params"] = {{"name", tool}, {"arguments", std::move(arguments)}};
    const Result<Answer> answer = co_await post(std::move(request), limit);
    if (!answer)
        co_return answer;
    const Json *result = celldeck::find(answer->json, "result");
    if (const Json *error = celldeck::find(answer->json, "error"))
        co_return fail(ErrorCode::Io, celldeck::textOf(*error, "message"));
    if (!result)
        co_return fail(ErrorCode::Io,
                       QStringLiteral("the engine at %1 has ended before it answered")
                           .arg(m_url.toString()));
    if (findBool(*result, "isError").value_or(false))
        co_return fail(errorOf(*result));
    const Json *structured = celldeck::find(*result, "structuredContent");
    co_return Answer{structured ? *structured : Json::object()};
}

}  // namespace celldeck::app
