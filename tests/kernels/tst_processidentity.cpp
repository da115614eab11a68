#include <unistd.h>
#include <QDir>
#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QtTest>
#include <csignal>

#include "kernels/kernelprocess.h"
#include "kernels/strays.h"

using namespace celldeck;
using namespace celldeck::kernels;

class TestProcessIdentity : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void ofOurselves();
    void ofNobody();
    void onlyTheSameProcessIsAdopted();
    void itsEndIsNoticed();
    void straysAreEndedAndOthersAreNot();
};

void TestProcessIdentity::ofOurselves()
{
    const auto first = identityOf(QCoreApplication::applicationPid());
    QVERIFY(first);
    QVERIFY(first->started > 0);
    QCOMPARE(first->boot.size(), 36);
    QCOMPARE(identityOf(first->pid), first);
}

void TestProcessIdentity::ofNobody()
{
    QVERIFY(!identityOf(0x7fffffff));
    // A zombie has ended: it only waits to be asked.
    QProcess child;
    child.start(QStringLiteral("/bin/sh"), {QStringLiteral("-c"), QStringLiteral("exec sleep 60")});
    QVERIFY(child.waitForStarted());
    const qint64 pid = child.processId();
    QVERIFY(identityOf(pid));
    child.kill();
    QVERIFY(child.waitForFinished());
    QVERIFY(!identityOf(pid));
}

void TestProcessIdentity::onlyTheSameProcessIsAdopted()
{
    const auto ours = identityOf(QCoreApplication::applicationPid());
    QVERIFY(ours);
    for (const int wrong : {0, 1}) {
        ProcessIdentity other = *ours;
        if (wrong == 0)
            ++other.started;
        else
            other.boot = QStringLiteral("another boot");
        KernelProcess process;
        const Result<> adopted = process.adopt(other, QStringLiteral("/no/file"));
        QVERIFY(!adopted);
        QCOMPARE(adopted.error().code, ErrorCode::NotFound);
        QVERIFY(!process.isRunning());
    }
}

void TestProcessIdentity::itsEndIsNoticed()
{
    qint64 pid = 0;
    QVERIFY(QProcess::startDetached(QStringLiteral("/usr/bin/setsid"),
                                    {QStringLiteral("/bin/sleep"), QStringLiteral("60")}, {},
                                    &pid));
    std::optional<ProcessIdentity> identity;
    QTRY_VERIFY((identity = identityOf(pid)).has_value());
    KernelProcess process;
    QVERIFY(process.adopt(*identity, QStringLiteral("/no/file")));
    QVERIFY(process.isRunning());
    QSignalSpy finished(&process, &KernelProcess::finished);
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    QVERIFY(finished.wait());
    QVERIFY(!process.isRunning());
    QVERIFY(!process.reason().isEmpty());
}

void TestProcessIdentity::straysAreEndedAndOthersAreNot()
{
    QTemporaryDir dir;
    const QString known = dir.filePath(QStringLiteral("kernel-known.json"));
    const QString stray = dir.filePath(QStringLiteral("kernel-stray.json"));
    QProcess kept;
    QProcess ended;
    for (const auto &[process, file] : {std::pair(&kept, known), std::pair(&ended, stray)}) {
        QFile text(file);
        QVERIFY(text.open(QIODevice::WriteOnly));
        process->setChildProcessModifier([] { ::setsid(); });
        // As a kernel: the file is an argument.
        process->start(
            QStringLiteral("/bin/sh"),
            {QStringLiteral("-c"), QStringLiteral("sleep 60; :"), QStringLiteral("--f=") + file});
        QVERIFY(process->waitForStarted());
    }
    QTRY_COMPARE(kernelsStartedFrom(dir.path()).values().contains(stray), true);
    QTRY_COMPARE(kernelsStartedFrom(dir.path()).values().contains(known), true);
    QCOMPARE(endStrays(dir.path(), {known}), 1);
    QVERIFY(ended.waitForFinished());
    QCOMPARE(kept.state(), QProcess::Running);
    QCOMPARE(QDir(dir.path()).entryList(QDir::Files),
             QStringList{QStringLiteral("kernel-known.json")});
    ::kill(-static_cast<pid_t>(kept.processId()), SIGKILL);
    QVERIFY(kept.waitForFinished());
}

QTEST_GUILESS_MAIN(TestProcessIdentity)
#include "tst_processidentity.moc"
