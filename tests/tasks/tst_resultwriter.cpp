#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QtTest>

#include "notebooks/notebookfile.h"
#include "support/await.h"
#include "tasks/resultwriter.h"

using namespace celldeck;
using namespace celldeck::tasks;
using celldeck::test::await;

/// How often a notebook is written while its cells run.
class TestResultWriter : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init();
    void aFastRunIsWrittenAtIntervals();
    void theRestIsWrittenAtOnce();
    void widgetsWaitForAFileThatIsRefused();

private:
    [[nodiscard]] static notebooks::CellResult result(std::int64_t count)
    {
        return {.index = 0, .cellId = {}, .source = QStringLiteral("x"), .executionCount = count};
    }
    [[nodiscard]] QByteArray written() const
    {
        QFile file(m_path);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

    std::unique_ptr<QTemporaryDir> m_dir;
    QString m_path;
};

void TestResultWriter::init()
{
    m_dir = std::make_unique<QTemporaryDir>();
    m_path = m_dir->filePath(QStringLiteral("a.ipynb"));
    QVERIFY(notebooks::writeAtomically(
        m_path, R"({"cells": [{"cell_type": "code", "execution_count": null, "metadata": {},)"
                R"( "outputs": [], "source": "x"}], "metadata": {}, "nbformat": 4,)"
                R"( "nbformat_minor": 4})"));
}

void TestResultWriter::aFastRunIsWrittenAtIntervals()
{
    // Each write takes some milliseconds, in which the next result comes.
    ResultWriter writer(m_path);
    std::int64_t count = 0;
    QTimer cells;
    connect(&cells, &QTimer::timeout, this, [&] { writer.add(result(++count)); });
    QSignalSpy writes(&writer, &ResultWriter::written);
    QElapsedTimer since;
    since.start();
    cells.start(0);
    for (int times = 1; times <= 3; ++times) {
        QVERIFY(writes.count() >= times || writes.wait(60'000));
        const qint64 ms = since.elapsed();
        // Qt's timers may come a twentieth early.
        QVERIFY2(ms >= times * 450,
                 qPrintable(QStringLiteral("%1 writes in %2 ms").arg(times).arg(ms)));
    }
}

void TestResultWriter::theRestIsWrittenAtOnce()
{
    ResultWriter writer(m_path);
    QSignalSpy writes(&writer, &ResultWriter::written);
    writer.add(result(1));
    const Waiter<> flushed = writer.flushed();
    writer.add(result(2));  // while the first is being written
    QVERIFY(await(flushed));
    QCOMPARE(writes.count(), 2);
    QVERIFY(written().contains("\"execution_count\": 2"));
}

void TestResultWriter::widgetsWaitForAFileThatIsRefused()
{
    ResultWriter writer(m_path);
    QSignalSpy writes(&writer, &ResultWriter::written);
    QSignalSpy refusals(&writer, &ResultWriter::failed);
    writer.add(result(1));
    QVERIFY(writes.wait(60'000));
    const QByteArray before = written();
    QVERIFY(QFile::remove(m_path) && QDir().mkdir(m_path));
    writer.refreshWidgets(Json{{"some", "state"}});
    QVERIFY(refusals.wait(60'000));
    QVERIFY(QDir().rmdir(m_path));
    QVERIFY(notebooks::writeAtomically(m_path, before));
    QVERIFY(writes.wait(60'000));
    QVERIFY(written().contains("\"widgets\""));
    QVERIFY(await(writer.flushed()));
}

QTEST_GUILESS_MAIN(TestResultWriter)
#include "tst_resultwriter.moc"
