#include <QFile>
#include <QtTest>

#include "kernels/orphanbuffer.h"

using namespace celldeck;
using namespace celldeck::kernels;

namespace {

const QString A = QStringLiteral("a.ipynb");
const QString B = QStringLiteral("b.ipynb");

Message message(const QByteArray &parent, const std::string &text)
{
    Message made;
    made.header = Json{{"msg_id", "m"}, {"msg_type", "stream"}};
    made.parentHeader = Json{{"msg_id", parent.toStdString()}};
    made.content = {{"name", "stdout"}, {"text", text}};
    made.buffers = {QByteArrayLiteral("buffer")};
    return made;
}

QStringList texts(const std::vector<Arrival> &arrivals)
{
    QStringList list;
    for (const Arrival &arrival : arrivals)
        list << textOf(arrival.message.content, "text");
    return list;
}

qint64 residentBytes()
{
    QFile file(QStringLiteral("/proc/self/statm"));
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    return file.readAll().split(' ').value(1).toLongLong() * 4096;
}

}  // namespace

class TestOrphanBuffer : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void givesBackWhatItKept();
    void aRingKeepsTheLast();
    void theFullestKernelGivesRoom();
    void bytesAreBounded();
    void aMessageThatIsTooBigIsCounted();
    void aLongTextIsKeptIfItFits();
    void ringsAreReadAndDiscarded();
    void everyMessageIsKeptOrCounted();
    void aFloodOfParentsLeavesMemoryFlat();
};

void TestOrphanBuffer::givesBackWhatItKept()
{
    OrphanBuffer buffer;
    buffer.keep(A, Channel::Iopub, message("p", "one"));
    buffer.keep(A, Channel::Shell, message("q", "other"));
    buffer.keep(A, Channel::Shell, message("p", "two"));
    QCOMPARE(buffer.messages(), 3);
    const auto taken = buffer.take(A, "p");
    QCOMPARE(texts(taken), (QStringList{QStringLiteral("one"), QStringLiteral("two")}));
    QCOMPARE(taken[0].message, message("p", "one"));
    QCOMPARE(taken[1].channel, Channel::Shell);
    QVERIFY(buffer.take(A, "p").empty());
    QVERIFY(buffer.take(B, "q").empty());  // Another kernel's are not given.
    QCOMPARE(texts(buffer.take(A, "q")), QStringList{QStringLiteral("other")});
    QCOMPARE(buffer.bytes(), 0);
    QCOMPARE(buffer.messages(), 0);
}

void TestOrphanBuffer::aRingKeepsTheLast()
{
    OrphanBuffer buffer({.messagesAParent = 3});
    for (int i = 0; i < 5; ++i)
        buffer.keep(A, Channel::Iopub, message("p", std::to_string(i)));
    QCOMPARE(buffer.rings().first().dropped, 2U);
    QCOMPARE(buffer.dropped().at(A), 2U);
    QCOMPARE(texts(buffer.take(A, "p")).join(QLatin1Char(' ')), QStringLiteral("2 3 4"));
    // The count outlives the ring.
    QCOMPARE(buffer.rings(), (QList<OrphanRing>{{.kernel = A, .parent = "p", .dropped = 2}}));
}

void TestOrphanBuffer::theFullestKernelGivesRoom()
{
    OrphanBuffer buffer({.parents = 4});
    buffer.keep(B, Channel::Iopub, message("mine", "kept"));
    for (int i = 0; i < 10; ++i)
        buffer.keep(A, Channel::Iopub, message(QByteArray::number(i), "flood"));
    QCOMPARE(texts(buffer.take(B, "mine")), QStringList{QStringLiteral("kept")});
    QCOMPARE(buffer.dropped().at(A), 7U);
    QVERIFY(!buffer.dropped().contains(B));
    QVERIFY(!buffer.read(A, "6"));
    QVERIFY(buffer.read(A, "7"));
}

void TestOrphanBuffer::bytesAreBounded()
{
    OrphanBuffer buffer({.bytes = 10'000});
    for (int i = 0; i < 5; ++i)
        buffer.keep(A, Channel::Iopub, message("one", std::string(3'000, char('a' + i))));
    QVERIFY(buffer.bytes() <= 10'000);
    const auto left = buffer.read(A, "one");
    QVERIFY(left);
    QCOMPARE(left->size() + buffer.dropped().at(A), 5U);
    QVERIFY(textOf(left->back().message.content, "text").startsWith(QLatin1Char('e')));
    buffer.keep(A, Channel::Iopub, message("two", std::string(9'000, 'x')));
    QVERIFY(buffer.bytes() <= 10'000);
    QVERIFY(!buffer.read(A, "one"));
    QVERIFY(buffer.read(A, "two"));
}

void TestOrphanBuffer::aMessageThatIsTooBigIsCounted()
{
    OrphanBuffer buffer({.bytes = 1'000});
    buffer.keep(A, Channel::Iopub, message("p", std::string(2'000, 'x')));
    QCOMPARE(buffer.messages(), 0);
    QCOMPARE(buffer.droppedInAll(), 1U);
    QCOMPARE(buffer.rings(), (QList<OrphanRing>{{.kernel = A, .parent = "p", .dropped = 1}}));
}

void TestOrphanBuffer::aLongTextIsKeptIfItFits()
{
    OrphanBuffer buffer({.bytes = 100'000});
    const auto longMessage = [](qsizetype bytes) {
        Message made = message("p", {});
        made.content = {{"name", "stdout"}};
        const QByteArray frame(bytes, 'x');
        made.longText = std::make_shared<LongText>(frame, frame);
        return made;
    };
    buffer.keep(A, Channel::Iopub, longMessage(50'000));
    QVERIFY(buffer.bytes() > 50'000);
    buffer.keep(A, Channel::Iopub, longMessage(200'000));
    QCOMPARE(buffer.dropped().at(A), 1U);
    QCOMPARE(texts(buffer.take(A, "p")), QStringList{QString(50'000, u'x')});
}

void TestOrphanBuffer::ringsAreReadAndDiscarded()
{
    OrphanBuffer buffer;
    buffer.keep(A, Channel::Iopub, message("p", "one"));
    QCOMPARE(texts(*buffer.read(A, "p")), QStringList{QStringLiteral("one")});
    QCOMPARE(buffer.messages(), 1);  // Reading takes nothing.
    QCOMPARE(buffer.discard(A, "q").error().code, ErrorCode::NotFound);
    QVERIFY(buffer.discard(A, "p"));
    QCOMPARE(buffer.messages(), 0);
    QCOMPARE(buffer.droppedInAll(), 0U);  // Somebody decided so: nothing was lost.
}

void TestOrphanBuffer::everyMessageIsKeptOrCounted()
{
    OrphanBuffer buffer({.messagesAParent = 7, .parents = 5, .bytes = 20'000});
    quint64 taken = 0;
    quint32 seed = 1;
    const auto random = [&seed](quint32 below) {
        seed = seed * 1'664'525U + 1'013'904'223U;
        return (seed >> 8) % below;
    };
    for (quint64 i = 1; i <= 20'000; ++i) {
        const QByteArray parent = QByteArray::number(random(9));
        const QString kernel = random(2) ? A : B;
        buffer.keep(kernel, Channel::Iopub, message(parent, std::string(random(3'000), 'x')));
        if (random(20) == 0)
            taken += buffer.take(kernel, parent).size();
        QVERIFY(buffer.bytes() <= 20'000);
        QCOMPARE(quint64(buffer.messages()) + buffer.droppedInAll() + taken, i);
    }
    qsizetype messages = 0;
    qsizetype bytes = 0;
    for (const OrphanRing &ring : buffer.rings()) {
        messages += ring.messages;
        bytes += ring.bytes;
        QVERIFY(ring.messages <= 7);
    }
    QCOMPARE(messages, buffer.messages());
    QCOMPARE(bytes, buffer.bytes());
}

/// Under the address sanitizer, resident memory has what it keeps of the freed in it.
extern "C" const char *__asan_default_options()
{
    return "quarantine_size_mb=0:thread_local_quarantine_size_kb=0";
}

void TestOrphanBuffer::aFloodOfParentsLeavesMemoryFlat()
{
    OrphanBuffer buffer;
    const auto flood = [&buffer](int from, int to) {
        for (int i = from; i < to; ++i)
            buffer.keep(A, Channel::Iopub,
                        message("parent " + QByteArray::number(i), std::string(1'000, 'x')));
    };
    flood(0, 2'000);
    const qsizetype bytes = buffer.bytes();
    const qint64 resident = residentBytes();
    flood(2'000, 100'000);
    QCOMPARE(buffer.rings().size(), 1'024 + 1'000);  // those that hold some, and the last gone
    QCOMPARE(buffer.messages(), 1'024);
    QCOMPARE(buffer.droppedInAll(), 100'000U - 1'024U);
    // The last digits of the parents' names are all that differs.
    QVERIFY2(buffer.bytes() < bytes + 10'000, qPrintable(QString::number(buffer.bytes())));
    QVERIFY2(residentBytes() < resident + 4 * 1024 * 1024,
             qPrintable(QString::number(residentBytes() - resident)));
}

QTEST_GUILESS_MAIN(TestOrphanBuffer)
#include "tst_orphanbuffer.moc"
