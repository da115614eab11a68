// A kernel that answers at once, so that what is measured is its client.
//
//     instantkernel CONNECTION_FILE
//
// A cell "storm N BYTES" publishes N stream messages of so many bytes; any other does nothing.
#include <QCoreApplication>
#include <QUuid>
#include <cstdio>
#include <zmq.hpp>

#include "kernels/connectionfile.h"
#include "kernels/wiremessage.h"

using namespace celldeck;
using kernels::Frames;
using kernels::Header;
using kernels::Message;

namespace {

class InstantKernel
{
public:
    explicit InstantKernel(const kernels::ConnectionInfo &info) : m_codec(info.key)
    {
        bind(m_shell, info.shellPort);
        bind(m_control, info.controlPort);
        bind(m_stdin, info.stdinPort);
        bind(m_heartbeat, info.heartbeatPort);
        m_iopub.set(zmq::sockopt::sndhwm, 0);
        bind(m_iopub, info.iopubPort);
    }

    void run()
    {
        for (;;) {
            zmq::pollitem_t items[] = {{m_shell.handle(), 0, ZMQ_POLLIN, 0},
                                       {m_control.handle(), 0, ZMQ_POLLIN, 0},
                                       {m_heartbeat.handle(), 0, ZMQ_POLLIN, 0}};
            zmq::poll(items, std::size(items), std::chrono::milliseconds(-1));
            if (items[2].revents & ZMQ_POLLIN)
                send(m_heartbeat, take(m_heartbeat));
            if ((items[1].revents & ZMQ_POLLIN) && !handle(m_control))
                return;
            if ((items[0].revents & ZMQ_POLLIN) && !handle(m_shell))
                return;
        }
    }

private:
    static void bind(zmq::socket_t &socket, int port)
    {
        socket.set(zmq::sockopt::linger, 100);
        socket.bind(kernels::ConnectionInfo::endpoint(port).toStdString());
    }

    static Frames take(zmq::socket_t &socket)
    {
        Frames frames;
        zmq::message_t part;
        do {
            (void)socket.recv(part);
            frames.emplace_back(part.data<char>(), qsizetype(part.size()));
        } while (part.more());
        return frames;
    }

    static void send(zmq::socket_t &socket, const Frames &frames)
    {
        for (size_t i = 0; i < frames.size(); ++i)
            socket.send(zmq::const_buffer(frames[i].constData(), size_t(frames[i].size())),
                        i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }

    Frames pack(const char *type, const Header &parent, Json content)
    {
        Message message;
        message.header = Json{{"msg_id", m_session + '_' + std::to_string(++m_sent)},
                              {"msg_type", type},
                              {"session", m_session},
                              {"username", "kernel"},
                              {"date", "2026-01-01T00:00:00.000000Z"},
                              {"version", "5.3"}};
        message.parentHeader = parent;
        message.content = std::move(content);
        return m_codec.encode(message);
    }

    void publish(const char *type, const Header &parent, Json content)
    {
        Frames frames = pack(type, parent, std::move(content));
        frames.insert(frames.begin(), QByteArray(type));
        send(m_iopub, frames);
    }

    void execute(const Header &parent, const QString &code)
    {
        publish("execute_input", parent, {{"code", code}, {"execution_count", ++m_count}});
        const QStringList words = code.split(QLatin1Char(' '));
        if (words.size() != 3 || words[0] != QLatin1String("storm"))
            return;
        const std::string text(size_t(words[2].toInt() - 1), 'x');
        for (int i = words[1].toInt(); i > 0; --i)
            publish("stream", parent, {{"name", "stdout"}, {"text", text + '\n'}});
    }

    /// False after a shutdown_request.
    bool handle(zmq::socket_t &socket)
    {
        const Frames frames = take(socket);
        const auto request = m_codec.decode(frames);
        if (!request)
            return true;
        const Header &parent = request->header;
        publish("status", parent, {{"execution_state", "busy"}});
        Json content{{"status", "ok"}};
        const QByteArray type = request->type();
        if (type == "execute_request") {
            execute(parent, textOf(request->content, "code"));
            content["execution_count"] = m_count;
            content["user_expressions"] = Json::object();
            content["payload"] = Json::array();
        } else if (type == "kernel_info_request") {
            content.update({{"protocol_version", "5.3"},
                            {"implementation", "instant"},
                            {"implementation_version", "1"},
                            {"language_info", {{"name", "python"}, {"version", "3"}}},
                            {"banner", ""}});
        }
        QByteArray answer = type;
        answer.replace("_request", "_reply");
        Frames reply = pack(answer.constData(), parent, std::move(content));
        reply.insert(reply.begin(), frames.front());
        send(socket, reply);
        publish("status", parent, {{"execution_state", "idle"}});
        return type != "shutdown_request";
    }

    kernels::WireCodec m_codec;
    zmq::context_t m_context{1};
    zmq::socket_t m_shell{m_context, zmq::socket_type::router};
    zmq::socket_t m_control{m_context, zmq::socket_type::router};
    zmq::socket_t m_stdin{m_context, zmq::socket_type::router};
    zmq::socket_t m_heartbeat{m_context, zmq::socket_type::rep};
    zmq::socket_t m_iopub{m_context, zmq::socket_type::pub};
    const std::string m_session = QUuid::createUuid().toString(QUuid::WithoutBraces).toStdString();
    int m_sent = 0;
    int m_count = 0;
};

}  // namespace

int main(int argc, char **argv)
{
    const QCoreApplication app(argc, argv);
    auto connection = kernels::ConnectionFile::adopt(QCoreApplication::arguments().value(1));
    if (!connection) {
        std::fprintf(stderr, "%s\n", qUtf8Printable(connection.error().message));
        return 2;
    }
    InstantKernel(connection->info()).run();
    return 0;
}
