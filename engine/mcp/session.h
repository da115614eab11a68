#pragma once

#include <functional>
#include <map>
#include <memory>

#include "async/taskscope.h"
#include "mcp/jsonrpc.h"
#include "mcp/toolregistry.h"

namespace celldeck::mcp {

/// One client's conversation in the revisions 2025-03-26 to 2025-11-25: initialize, ping, tools,
/// progress, cancellation, log level. Knows no socket: messages go in by `receive` and out by the
/// sink.
///
/// Owned by a transport. Thread: the engine's. Stopping: its end ends the waits of its calls, and
/// no task.
class Session final
{
public:
    /// `related` is the id of the request that a message belongs to, null where there is none.
    using Sink = std::function<void(const Json &message, const Json &related)>;

    Session(const ToolRegistry &tools, QString serverVersion, Sink sink);
    ~Session();

    void receive(const Incoming &message);

    /// A notification that belongs to no request, with a `seq` that grows by one with each.
    void announce(const QString &method, Json params);

    [[nodiscard]] bool isInitialized() const { return m_initialized; }

    /// Newest first.
    [[nodiscard]] static const QStringList &revisions();

private:
    void answer(const Incoming &request);
    [[nodiscard]] Json initialize(const Incoming &request);
    void startCall(const Incoming &request);
    QCoro::Task<> call(Json id, QString name, Json arguments, Json progressToken);
    void cancel(const Json &params);

    const ToolRegistry &m_tools;
    const QString m_version;
    const Sink m_sink;
    QString m_client;
    bool m_initialized = false;
    std::uint64_t m_announced = 0;
    std::map<Json, std::unique_ptr<TaskScope>> m_calls;
    TaskScope m_scope;
};

}  // namespace celldeck::mcp
