#pragma once

#include <QNetworkAccessManager>
#include <QUrl>
#include <optional>

#include "async/taskscope.h"
#include "async/waiter.h"
#include "base/json.h"
#include "base/result.h"

namespace celldeck::app {

/// What a tool has answered. (A bare Json compares with everything, which std::expected and QCoro
/// together cannot stand.)
struct Answer
{
    Json json;
};

/// Calls tools of the engine that hosts a data folder, over its own endpoint.
///
/// Owned by a command. Thread: one with an event loop. Stopping: with its owner.
class EndpointClient final
{
public:
    /// nullopt if no engine with an open endpoint uses that folder.
    [[nodiscard]] static std::unique_ptr<EndpointClient> find(const QString &dataDirectory);

    /// The structured content. Fails with what the tool has failed with, or Io.
    /// `limit` is for the answer: tools of commands answer at once, but for a cancel that waits
    /// until a cell has ended, and for what waits by its nature.
    [[nodiscard]] QCoro::Task<Result<Answer>> call(QString tool, Json arguments,
                                                   Milliseconds limit = AnswerLimit);

    /// Opens the session. Only who calls several tools at a time need do it first.
    [[nodiscard]] QCoro::Task<Result<>> greet();

private:
    EndpointClient(const QUrl &url, const QByteArray &token) : m_url(url), m_token(token) {}

    static constexpr Milliseconds AnswerLimit{120'000};

    QCoro::Task<Result<Answer>> post(Json message, Milliseconds limit = AnswerLimit);

    const QUrl m_url;
    const QByteArray m_token;
    QByteArray m_session;
    int m_number = 0;
    QNetworkAccessManager m_network;
    TaskScope m_scope;
};

}  // namespace celldeck::app
