#include <QProcess>
#include <QTemporaryDir>
#include <QThread>
#include <QtTest>
#include <atomic>

#include "base/lockfile.h"

using namespace celldeck;

class TestLockFile : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void onlyOneHasIt();
    void oneWaitsForIt();
    void itEndsWithItsOwner();
    void whatIsWrittenInItIsNoLock();
    void aFolderThatIsNotThereIsNoOwner();
};

void TestLockFile::onlyOneHasIt()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("lock"));
    LockFile first(path);
    LockFile second(path);
    QVERIFY(first.lock());
    QVERIFY(first.lock());  // It has it already.
    const Result<> refused = second.lock();
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::Conflict);
    QCOMPARE(second.owner(), std::optional<qint64>(QCoreApplication::applicationPid()));
    first.unlock();
    QVERIFY(!QFile::exists(path));
    QVERIFY(second.lock());
}

void TestLockFile::oneWaitsForIt()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("lock"));
    LockFile first(path);
    QVERIFY(first.lock());
    std::atomic<bool> unlocked = false;
    std::atomic<bool> wasUnlocked = false;
    const std::unique_ptr<QThread> waiting(QThread::create([&] {
        LockFile second(path);
        if (second.waitAndLock())
            wasUnlocked = unlocked.load();
    }));
    waiting->start();
    QVERIFY(!waiting->wait(50));
    unlocked = true;
    first.unlock();
    QVERIFY(waiting->wait(10'000));
    QVERIFY(wasUnlocked);
}

void TestLockFile::itEndsWithItsOwner()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("lock"));
    QProcess owner;  // which tells when it has it, and then sleeps until it is killed
    owner.start(QStringLiteral("flock"),
                {QStringLiteral("--nonblock"), path, QStringLiteral("sh"), QStringLiteral("-c"),
                 QStringLiteral("echo has it; exec cat")});
    QVERIFY(owner.waitForReadyRead());
    LockFile lock(path);
    QVERIFY(!lock.lock());
    owner.closeWriteChannel();  // The command ends, and flock with it.
    QVERIFY(owner.waitForFinished());
    QVERIFY(lock.lock());
}

void TestLockFile::whatIsWrittenInItIsNoLock()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("lock"));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    // As QLockFile had it, and of a process that lives: this one.
    file.write(QByteArray::number(QCoreApplication::applicationPid()) + "\ntst_lockfile\nhost\n");
    file.close();
    LockFile lock(path);
    QVERIFY(lock.lock());
    QCOMPARE(lock.owner(), std::optional<qint64>(QCoreApplication::applicationPid()));
}

void TestLockFile::aFolderThatIsNotThereIsNoOwner()
{
    LockFile lock(QStringLiteral("/nowhere/lock"));
    const Result<> refused = lock.lock();
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::Io);
    QCOMPARE(lock.owner(), std::nullopt);
}

QTEST_GUILESS_MAIN(TestLockFile)

#include "tst_lockfile.moc"
