#include <QSignalSpy>
#include <QtTest>
#include <zmq.hpp>

#include "kernels/heartbeat.h"

using namespace celldeck;
using namespace celldeck::kernels;

/// Against a socket that answers when the test says so.
class TestHeartbeat : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void anIdleOneThatIsSilentIsNoticed();
    void oneThatAnswersBetweenCellsOnlyIsLeftAlone();
    void oneThatAnswersWhileItIsBusyIsNotLeftAlone();
    void oneThatIsStoppedIsNoticedInItsFirstCell();

private:
    /// So many pings, each of them answered or not.
    enum class Answer { Yes, No };
    void take(int pings, Answer answer);

    std::unique_ptr<zmq::context_t> m_context;
    std::unique_ptr<zmq::socket_t> m_kernel;
    std::unique_ptr<Heartbeat> m_heartbeat;
    std::unique_ptr<QSignalSpy> m_changes;
};

void TestHeartbeat::init()
{
    m_changes.reset();
    m_heartbeat.reset();
    m_kernel.reset();
    m_context = std::make_unique<zmq::context_t>(1);
    // A router, which can be silent to one ping and take the next.
    m_kernel = std::make_unique<zmq::socket_t>(*m_context, zmq::socket_type::router);
    m_kernel->bind("tcp://127.0.0.1:*");
    m_heartbeat = std::make_unique<Heartbeat>(*m_context);
    m_changes = std::make_unique<QSignalSpy>(m_heartbeat.get(), &Heartbeat::respondingChanged);
    QVERIFY(m_heartbeat->start(QString::fromStdString(m_kernel->get(zmq::sockopt::last_endpoint)),
                               Milliseconds(100)));
    take(2, Answer::Yes);
}

void TestHeartbeat::take(int pings, Answer answer)
{
    using Parts = std::vector<zmq::message_t>;
    // The last one that is there: an answer to an older one would count for nothing.
    const auto last = [this] {
        Parts parts;
        bool isWhole = true;
        for (zmq::message_t part; m_kernel->recv(part, zmq::recv_flags::dontwait);) {
            if (std::exchange(isWhole, !part.more()))
                parts.clear();
            parts.push_back(std::move(part));
        }
        return parts;
    };
    for (int i = 0; i < pings; ++i) {
        Parts parts;
        QTRY_VERIFY_WITH_TIMEOUT(!parts.empty() || !(parts = last()).empty(), 10'000);
        for (size_t k = 0; answer == Answer::Yes && k < parts.size(); ++k)
            m_kernel->send(parts[k],
                           k + 1 < parts.size() ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
}

void TestHeartbeat::anIdleOneThatIsSilentIsNoticed()
{
    take(Heartbeat::MissesAllowed + 2, Answer::No);
    QTRY_COMPARE(m_changes->size(), 1);
    QVERIFY(!m_heartbeat->isResponding());
    take(1, Answer::Yes);
    QTRY_COMPARE(m_changes->size(), 2);
    QVERIFY(m_heartbeat->isResponding());
    m_heartbeat->stop();
}

/// As IRkernel does.
void TestHeartbeat::oneThatAnswersBetweenCellsOnlyIsLeftAlone()
{
    for (int cell = 0; cell < 3; ++cell) {
        m_heartbeat->setBusy(true);
        take(10, Answer::No);
        // What comes late, with the cell's end, says nothing of how it is in the middle of one.
        m_heartbeat->setBusy(false);
        take(2, Answer::Yes);
    }
    QCOMPARE(m_changes->size(), 0);
}

void TestHeartbeat::oneThatAnswersWhileItIsBusyIsNotLeftAlone()
{
    m_heartbeat->setBusy(true);
    take(8, Answer::Yes);
    take(Heartbeat::MissesAllowed + 2, Answer::No);
    QTRY_COMPARE(m_changes->size(), 1);
    QVERIFY(!m_heartbeat->isResponding());
}

void TestHeartbeat::oneThatIsStoppedIsNoticedInItsFirstCell()
{
    bool isStopped = false;
    m_heartbeat->setStoppedCheck([&isStopped] { return isStopped; });
    m_heartbeat->setBusy(true);
    take(6, Answer::No);
    QCOMPARE(m_changes->size(), 0);
    isStopped = true;
    QTRY_COMPARE(m_changes->size(), 1);
}

QTEST_GUILESS_MAIN(TestHeartbeat)
#include "tst_heartbeat.moc"
