// A ZeroMQ client that does nothing but run cells: what a cell costs at least.
//
//     bareclient CELLS CODE ARGV…      {connection_file} in ARGV is replaced
//
// Prints JSON: the ms from each cell's end (its reply and its idle) to the next one's, and the ms
// of this process's CPU a cell.
#include <sys/resource.h>
#include <QCoreApplication>
#include <QProcess>
#include <QTemporaryDir>
#include <QUuid>
#include <chrono>
#include <cstdio>
#include <zmq.hpp>

#include "kernels/connectionfile.h"
#include "kernels/wiremessage.h"

using namespace celldeck;
using kernels::Frames;
using kernels::Message;

namespace {

double cpuMs()
{
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto ms = [](const timeval &t) {
        return double(t.tv_sec) * 1e3 + double(t.tv_usec) / 1e3;
    };
    return ms(usage.ru_utime) + ms(usage.ru_stime);
}

class Client
{
public:
    explicit Client(const kernels::ConnectionInfo &info) : m_codec(info.key)
    {
        m_iopub.set(zmq::sockopt::subscribe, "");
        m_iopub.set(zmq::sockopt::rcvhwm, 0);
        m_iopub.connect(kernels::ConnectionInfo::endpoint(info.iopubPort).toStdString());
        m_shell.connect(kernels::ConnectionInfo::endpoint(info.shellPort).toStdString());
    }

    /// Until the kernel answers and its iopub channel is heard.
    void greet()
    {
        for (;;) {
            const QByteArray id = send("kernel_info_request", Json::object());
            if (await(id, std::chrono::milliseconds(250)))
                return;
        }
    }

    void execute(const QString &code)
    {
        const QByteArray id = send("execute_request", {{"code", code},
                                                       {"silent", false},
                                                       {"store_history", true},
                                                       {"user_expressions", Json::object()},
                                                       {"allow_stdin", false},
                                                       {"stop_on_error", false}});
        await(id, std::chrono::milliseconds(-1));
    }

private:
    QByteArray send(const char *type, Json content)
    {
        Message message;
        const QByteArray id = m_session.toLatin1() + '_' + QByteArray::number(++m_sent);
        message.header = Json{{"msg_id", id.toStdString()},     {"msg_type", type},
                              {"session", m_session},           {"username", "bench"},
                              {"date", "2026-01-01T00:00:00Z"}, {"version", "5.3"}};
        message.content = std::move(content);
        const Frames frames = m_codec.encode(message);
        for (size_t i = 0; i < frames.size(); ++i)
            m_shell.send(zmq::const_buffer(frames[i].constData(), size_t(frames[i].size())),
                         i + 1 < frames.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
        return id;
    }

    /// True when the reply and the idle of that request have come.
    bool await(const QByteArray &id, std::chrono::milliseconds limit)
    {
        bool replied = false;
        bool idle = false;
        while (!replied || !idle) {
            zmq::pollitem_t items[] = {{m_shell.handle(), 0, ZMQ_POLLIN, 0},
                                       {m_iopub.handle(), 0, ZMQ_POLLIN, 0}};
            if (zmq::poll(items, std::size(items), limit) == 0)
                return false;
            if (items[0].revents & ZMQ_POLLIN)
                replied |= take(m_shell).parentId() == id;
            if (items[1].revents & ZMQ_POLLIN) {
                const Message message = take(m_iopub);
                idle |= message.parentId() == id && message.type() == "status" &&
                        textOf(message.content, "execution_state") == QLatin1String("idle");
            }
        }
        return true;
    }

    Message take(zmq::socket_t &socket)
    {
        Frames frames;
        zmq::message_t part;
        do {
            (void)socket.recv(part);
            frames.emplace_back(part.data<char>(), qsizetype(part.size()));
        } while (part.more());
        return m_codec.decode(frames).value_or(Message());
    }

    kernels::WireCodec m_codec;
    zmq::context_t m_context{1};
    zmq::socket_t m_shell{m_context, zmq::socket_type::dealer};
    zmq::socket_t m_iopub{m_context, zmq::socket_type::sub};
    const QString m_session = QUuid::createUuid().toString(QUuid::WithoutBraces);
    int m_sent = 0;
};

}  // namespace

int main(int argc, char **argv)
{
    const QCoreApplication app(argc, argv);
    const QStringList words = QCoreApplication::arguments();
    if (words.size() < 4) {
        std::fputs("bareclient CELLS CODE ARGV...\n", stderr);
        return 2;
    }
    const QTemporaryDir folder;
    auto connection = kernels::ConnectionFile::create(folder.path(), QStringLiteral("bench"));
    if (!connection) {
        std::fprintf(stderr, "%s\n", qUtf8Printable(connection.error().message));
        return 3;
    }
    QProcess kernel;
    kernel.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    QStringList command = words.mid(3);
    command.replaceInStrings(QStringLiteral("{connection_file}"), connection->path());
    kernel.start(command.takeFirst(), command);
    kernel.waitForStarted();

    Client client(connection->info());
    client.greet();
    Json gaps = Json::array();
    const double cpuBefore = cpuMs();
    auto last = std::chrono::steady_clock::now();
    const int cells = words[1].toInt();
    for (int i = 0; i < cells; ++i) {
        client.execute(words[2]);
        const auto now = std::chrono::steady_clock::now();
        if (i > 0)
            gaps.push_back(std::chrono::duration<double, std::milli>(now - last).count());
        last = now;
    }
    const double cpu = (cpuMs() - cpuBefore) / cells;
    std::printf("%s\n", toBytes({{"gaps_ms", gaps}, {"cpu_ms", cpu}}).constData());
    kernel.kill();
    kernel.waitForFinished();
    return 0;
}
