#include <QtTest>
#include <zmq.hpp>

#include "kernels/zmqsocket.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::kernels;
using namespace celldeck::test;

class TestZmqSocket : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatAPeerSaidBeforeItsEndComes();
    void noConnectionIsAnEnd();
};

void TestZmqSocket::whatAPeerSaidBeforeItsEndComes()
{
    constexpr int Messages = 200'000;
    zmq::context_t context;
    ZmqSocket socket(context, ZmqSocket::Kind::Subscriber);
    int received = 0;
    socket.setReceiver([&received](const Result<Frames> &frames) { received += frames ? 1 : 0; });
    {
        zmq::context_t peers;
        zmq::socket_t peer(peers, zmq::socket_type::xpub);
        peer.set(zmq::sockopt::sndhwm, 0);
        peer.set(zmq::sockopt::linger, -1);
        peer.bind("tcp://127.0.0.1:*");
        QVERIFY(socket.connectTo(QString::fromStdString(peer.get(zmq::sockopt::last_endpoint))));
        zmq::message_t subscription;
        QVERIFY(peer.recv(subscription, zmq::recv_flags::none));
        for (int i = 0; i < Messages; ++i)
            QVERIFY(peer.send(zmq::str_buffer("said"), zmq::send_flags::none));
    }
    // It is gone; how much of what it said has come is ZeroMQ's thread's affair.
    const auto ending = socket.connectionEnded();
    QVERIFY(await(ending));
    while (socket.drain()) {
    }
    QCOMPARE(received, Messages);
}

void TestZmqSocket::noConnectionIsAnEnd()
{
    zmq::context_t context;
    ZmqSocket socket(context, ZmqSocket::Kind::Dealer);
    QCOMPARE(await(socket.connectionEnded()).error().code, ErrorCode::Io);
    // Nobody listens there.
    QVERIFY(socket.connectTo(QStringLiteral("tcp://127.0.0.1:1")));
    const auto ending = socket.connectionEnded();
    QVERIFY(await(ending));
}

QTEST_GUILESS_MAIN(TestZmqSocket)
#include "tst_zmqsocket.moc"
