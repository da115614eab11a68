// A kernel that answers at once, so that what is measured is its client.
//
//     instantkernel CONNECTION_FILE
//
// A cell "storm N BYTES" publishes N stream messages of so many bytes; any other does nothing.
#include <QCoreApplication>
#include <QUuid>
#include <array>
#include <cstdio>
#include <zmq.hpp>

#include "kernels/connectionfile.h"
#include "kernels/wiremessage.h"

using namespace celldeck;
using kernels::Frames;
using kernels::Header;

namespace {

const QByteArray Delimiter = QByteArrayLiteral("<IDS|MSG>");
const QByteArray Nothing = QByteArrayLiteral("{}");

/// What it says is put together as text, and of what it is told only that is read which it needs:
/// the two cores are its clients'.
class InstantKernel
{
public:
    explicit InstantKernel(const kernels::ConnectionInfo &info) : m_signer(info.key)
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

    /// `first`: a routing id, or a topic.
    void send(zmq::socket_t &socket, const QByteArray &first, const QByteArray &type,
              const QByteArray &parent, const QByteArray &content)
    {
        const QByteArray header = "{\"msg_id\":\"" + m_session + '_' +
                                  QByteArray::number(++m_sent) + "\",\"msg_type\":\"" + type +
                                  "\",\"session\":\"" + m_session +
                                  "\",\"username\":\"kernel\","
                                  "\"date\":\"2026-01-01T00:00:00.000000Z\",\"version\":\"5.3\"}";
        const std::array<QByteArray, 4> parts{header, parent, Nothing, content};
        const QByteArray signature = kernels::hexOf(m_signer.digest(parts.data(), parts.size()));
        send(socket, {first, Delimiter, signature, parts[0], parts[1], parts[2], parts[3]});
    }

    void publish(const QByteArray &type, const QByteArray &parent, const QByteArray &content)
    {
        send(m_iopub, type, type, parent, content);
    }

    void execute(const QByteArray &parent, const QByteArray &code)
    {
        publish("execute_input", parent,
                toBytes({{"code", QString::fromUtf8(code)}, {"execution_count", ++m_count}}));
        const QList<QByteArray> words = code.split(' ');
        if (words.size() != 3 || words[0] != "storm")
            return;
        const QByteArray content =
            "{\"name\":\"stdout\",\"text\":\"" + QByteArray(words[2].toInt() - 1, 'x') + "\\n\"}";
        for (int i = words[1].toInt(); i > 0; --i)
            publish("stream", parent, content);
    }

    [[nodiscard]] QByteArray replyTo(const QByteArray &type) const
    {
        if (type == "execute_request")
            return R"({"status":"ok","execution_count":)" + QByteArray::number(m_count) +
                   R"(,"user_expressions":{},"payload":[]})";
        if (type == "kernel_info_request")
            return R"({"status":"ok","protocol_version":"5.3","implementation":"instant",)"
                   R"("implementation_version":"1","language_info":{"name":"python","version":"3"},)"
                   R"("banner":""})";
        return R"({"status":"ok"})";
    }

    /// False after a shutdown_request.
    bool handle(zmq::socket_t &socket)
    {
        // Routing id, delimiter, signature, header, parent header, metadata, content.
        const Frames frames = take(socket);
        if (frames.size() != 7 || kernels::hexOf(m_signer.digest(&frames[3], 4)) != frames[2])
            return true;
        const auto header = Header::parse(frames[3]);
        if (!header)
            return true;
        const QByteArray &parent = frames[3];
        publish("status", parent, R"({"execution_state":"busy"})");
        if (header->type() == "execute_request") {
            static constexpr std::array<std::string_view, 1> Keys{"code"};
            std::array<QByteArray, 1> code;
            if (readTexts(frames[6], Keys, code))
                execute(parent, code[0]);
        }
        QByteArray answer = header->type();
        answer.replace("_request", "_reply");
        send(socket, frames[0], answer, parent, replyTo(header->type()));
        publish("status", parent, R"({"execution_state":"idle"})");
        return header->type() != "shutdown_request";
    }

    const kernels::Signer m_signer;
    zmq::context_t m_context{1};
    zmq::socket_t m_shell{m_context, zmq::socket_type::router};
    zmq::socket_t m_control{m_context, zmq::socket_type::router};
    zmq::socket_t m_stdin{m_context, zmq::socket_type::router};
    zmq::socket_t m_heartbeat{m_context, zmq::socket_type::rep};
    zmq::socket_t m_iopub{m_context, zmq::socket_type::pub};
    const QByteArray m_session = QUuid::createUuid().toByteArray(QUuid::WithoutBraces);
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
