#include <sys/resource.h>
#include <QTemporaryDir>
#include <QTest>
#include <csignal>

#include "kernels/sentnote.h"

using namespace celldeck;
using namespace celldeck::kernels;

namespace {

const QString Session = QStringLiteral("0f-session");
const QByteArray First = "0f-session_a_1";
const QByteArray Second = "0f-session_a_2";
const QByteArray OfTheNext = "0f-session_b_2";  // engine, which numbers on from the first
const QByteArray Tenth = "0f-session_b_10";

}  // namespace

class TestSentNote : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void whatComesBehindTheLastOneHasNotLeft();
    void withoutANoteNobodyKnows();
    void anotherBootIsNotBelieved();
    void whatCannotBeWrittenDeniesNothing();
    void itGoesWithItsKernel();

private:
    QTemporaryDir m_folder;
};

void TestSentNote::whatComesBehindTheLastOneHasNotLeft()
{
    SentNote note(m_folder.path(), Session);
    QVERIFY(note.begin());
    QCOMPARE(wasSent(m_folder.path(), First), Sent::No);
    QVERIFY(note.put(First));
    QCOMPARE(wasSent(m_folder.path(), First), Sent::Perhaps);
    QCOMPARE(wasSent(m_folder.path(), Second), Sent::No);
    // As the next engine takes it up.
    SentNote later(m_folder.path(), Session);
    QCOMPARE(later.takeUp(), 1U);
    QCOMPARE(wasSent(m_folder.path(), First), Sent::Perhaps);
    QCOMPARE(wasSent(m_folder.path(), Second), Sent::No);
    QCOMPARE(wasSent(m_folder.path(), Tenth), Sent::No);
    QVERIFY(later.put(OfTheNext));
    for (const QByteArray &id : {First, Second, OfTheNext})
        QCOMPARE(wasSent(m_folder.path(), id), Sent::Perhaps);
    QCOMPARE(wasSent(m_folder.path(), Tenth), Sent::No);
}

void TestSentNote::withoutANoteNobodyKnows()
{
    QCOMPARE(wasSent(m_folder.path(), First), Sent::Perhaps);
    SentNote note(m_folder.path(), Session);
    QCOMPARE(note.takeUp(), 0U);
    QCOMPARE(wasSent(m_folder.path(), First), Sent::Perhaps);
    // An earlier engine may have counted further: none of its requests is to be denied.
    QVERIFY(note.put(First));
    QCOMPARE(wasSent(m_folder.path(), Second), Sent::Perhaps);
}

void TestSentNote::anotherBootIsNotBelieved()
{
    SentNote note(m_folder.path(), Session);
    QVERIFY(note.begin());
    QFile file(m_folder.filePath(QStringLiteral("sent-") + Session));
    QVERIFY(file.open(QIODevice::ReadWrite));
    QVERIFY(file.write("01234567") == 8);
    file.close();
    QCOMPARE(wasSent(m_folder.path(), First), Sent::Perhaps);
}

void TestSentNote::whatCannotBeWrittenDeniesNothing()
{
    SentNote note(m_folder.path(), Session);
    QVERIFY(note.begin());
    QCOMPARE(wasSent(m_folder.path(), First), Sent::No);
    // As with a disk that refuses: no byte of a file may be written.
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    rlimit before = {};
    QCOMPARE(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    QCOMPARE(::setrlimit(RLIMIT_FSIZE, &none), 0);
    const Result<> put = note.put(First);
    QCOMPARE(::setrlimit(RLIMIT_FSIZE, &before), 0);
    std::signal(SIGXFSZ, handler);
    QVERIFY(put);
    QCOMPARE(wasSent(m_folder.path(), First), Sent::Perhaps);
}

void TestSentNote::itGoesWithItsKernel()
{
    {
        SentNote note(m_folder.path(), Session);
        QVERIFY(note.begin());
        QCOMPARE(sentNotes(m_folder.path()), QStringList{Session});
    }
    QCOMPARE(sentNotes(m_folder.path()), QStringList());
}

QTEST_GUILESS_MAIN(TestSentNote)
#include "tst_sentnote.moc"
