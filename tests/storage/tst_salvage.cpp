#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QRandomGenerator>
#include <QTemporaryDir>
#include <QtTest>

#include "salvagetemplate.h"
#include "storage/database.h"
#include "storage/taskstore.h"
#include "support/await.h"

using namespace celldeck;
using namespace celldeck::storage;
using namespace celldeck::test;

namespace {

constexpr int LongestMs = 30'000;  // of one opening: a hang is a failure

QString rounds()
{
    return qEnvironmentVariable("CELLDECK_FUZZ_ROUNDS", QStringLiteral("25"));
}

void write(const QString &path, const QByteArray &bytes)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
    QCOMPARE(file.write(bytes), bytes.size());
}

}  // namespace

/// Databases are damaged at random, by a seed: CELLDECK_FUZZ_SEED, CELLDECK_FUZZ_ROUNDS.
class TestSalvage : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void truncated();
    void pagesLost();
    void bytesFlipped();
    void headerFlipped();
    void schemaFlipped();
    void logDamaged();
    void aLogWithoutItsDatabaseIsReported();

private:
    QString file() const { return m_dir->filePath(QStringLiteral("state.db")); }
    /// Opens it, looks at all of it and goes on with it; how many of the tasks are still there.
    void open(const Template &before, const QByteArray &main, const QByteArray &wal, int &left);
    void use(const Template &before, const QByteArray &main, const QByteArray &wal, int &left);
    /// How many; -1 if some cannot be read.
    static int readAll(TaskStore &store);
    void compare(TaskStore &store, const Template &before, int &left);
    /// Where all is in the log still, there is nothing to damage in the main file.
    const Template &any()
    {
        const bool isFilled = m_killed.main.size() > 10 * PageBytes;
        return isFilled && m_chance.bounded(2) == 0 ? m_killed : m_closed;
    }

    std::unique_ptr<QTemporaryDir> m_dir;
    Template m_closed;
    Template m_killed;
    QRandomGenerator m_chance;
    bool m_comparesContent = true;
    bool m_comparesOutputs = true;
    bool m_isWhole = true;  ///< The log is
    bool m_wasSalvaged = false;
};

void TestSalvage::initTestCase()
{
    const auto seed = qEnvironmentVariable(
        "CELLDECK_FUZZ_SEED", QString::number(QRandomGenerator::system()->bounded(1'000'000)));
    qInfo("CELLDECK_FUZZ_SEED=%s CELLDECK_FUZZ_ROUNDS=%s", qUtf8Printable(seed),
          qUtf8Printable(rounds()));
    m_chance.seed(seed.toUInt());
    m_dir = std::make_unique<QTemporaryDir>();
    {
        Database database(file());
        const auto made = fill(database);
        QVERIFY2(made, made ? "" : qPrintable(made.error().message));
        m_killed = *made;
    }
    QVERIFY(m_killed.schema.size() > 1);
    m_closed = m_killed;
    m_closed.main = bytesOf(file());
    m_closed.wal.clear();
    QVERIFY(m_killed.wal.size() > 20 * PageBytes);
    QVERIFY(m_closed.main.size() > 30 * PageBytes);
}

int TestSalvage::readAll(TaskStore &store)
{
    TaskFilter filter;
    filter.limit = 10 * Tasks;
    const auto listed = await(store.list(filter));
    if (!listed) {
        qWarning("%s", qPrintable(listed.error().message));
        return -1;
    }
    for (const TaskRecord &task : *listed) {
        if (const auto detail = await(store.load(task.id)); !detail) {
            qWarning("%s", qPrintable(detail.error().message));
            return -1;
        }
    }
    return int(listed->size());
}

void TestSalvage::compare(TaskStore &store, const Template &before, int &left)
{
    left = 0;
    TaskFilter filter;
    filter.limit = 10 * Tasks;
    const auto listed = await(store.list(filter));
    QVERIFY2(listed, listed ? "" : qPrintable(listed.error().message));
    for (const TaskRecord &task : *listed) {
        const auto detail = await(store.load(task.id));
        QVERIFY2(detail, detail ? "" : qPrintable(detail.error().message));
        const auto known = before.tasks.find(qint64(task.id.value()));
        if (known == before.tasks.end()) {
            QVERIFY(!m_comparesContent);
            continue;
        }
        ++left;
        if (!m_comparesContent || task.notebookPath.startsWith(QStringLiteral("lost")))
            continue;
        const TaskDetail &was = known->second;
        QCOMPARE(task.code, was.task.code);
        QCOMPARE(task.notebookPath, was.task.notebookPath);
        // Without a part of the log it is as it was earlier.
        if (m_isWhole || task.state != TaskState::Pending) {
            QCOMPARE(task.state, was.task.state);
            // Those are stored apart, and may have been on a page that is lost.
            if (m_comparesOutputs && (!m_wasSalvaged || detail->outputs != "[]"))
                QCOMPARE(detail->outputs, was.outputs);
        }
    }
}

void TestSalvage::open(const Template &before, const QByteArray &main, const QByteArray &wal,
                       int &left)
{
    m_dir = std::make_unique<QTemporaryDir>();
    write(file(), main);
    if (!wal.isEmpty())
        write(file() + QStringLiteral("-wal"), wal);
    QElapsedTimer took;
    took.start();
    {
        // Damage in a row is found by whoever reads it: that is told, and mended by the next start.
        Database database(file());
        TaskStore store(database);
        const Result<> opened = database.open();
        QVERIFY2(opened, opened ? "" : qPrintable(opened.error().message));
        m_wasSalvaged = !database.notice().isEmpty();
        const int isRead = readAll(store);
        QCOMPARE(database.health().isDamaged(), isRead < 0);
        QVERIFY(isRead >= 0 || !m_wasSalvaged);
    }
    use(before, main, wal, left);
    QVERIFY(took.elapsed() < LongestMs);
}

void TestSalvage::use(const Template &before, const QByteArray &main, const QByteArray &wal,
                      int &left)
{
    {
        Database database(file());
        TaskStore store(database);
        const Result<> opened = database.open();
        QVERIFY2(opened, opened ? "" : qPrintable(opened.error().message));
        const bool isNow = !database.notice().isEmpty();
        m_wasSalvaged |= isNow;
        compare(store, before, left);
        if (QTest::currentTestFailed())
            return;
        const auto added = await(store.insert({draftOf(Tasks)}, Start + Milliseconds(Tasks)));
        QVERIFY2(added, added ? "" : qPrintable(added.error().message));
        QStringList aside = QDir(m_dir->path()).entryList({QStringLiteral("*.damaged-*")});
        aside.removeIf([](const QString &name) { return !name.back().isDigit(); });
        QCOMPARE(aside.size(), m_wasSalvaged ? 1 : 0);
        if (m_wasSalvaged) {
            QVERIFY2(!isNow || database.notice().contains(aside.first()),
                     qPrintable(database.notice()));
            if (wal.isEmpty())
                QCOMPARE(bytesOf(m_dir->filePath(aside.first())), main);
        }
    }
    auto connection = Connection::open(file(), Connection::Mode::Read);
    QVERIFY(connection);
    QString verdict;
    const Result<> checked =
        (*connection)
            ->queryOnce(QStringLiteral("PRAGMA integrity_check"), {},
                        [&verdict](const Row &row) { verdict += row.text(0); });
    if (m_wasSalvaged) {
        QVERIFY2(checked, checked ? "" : qPrintable(checked.error().message));
        QCOMPARE(verdict, QStringLiteral("ok"));
    } else {
        // A wrong byte in an index is found by whoever looks there.
        QVERIFY(checked || checked.error().code == ErrorCode::Damaged);
    }
}

void TestSalvage::truncated()
{
    m_comparesContent = true;
    for (int round = 0; round < rounds().toInt(); ++round) {
        const Template &before = any();
        const auto pages = int(before.main.size() / PageBytes);
        // At a page's boundary, beside it, or anywhere.
        const int page = m_chance.bounded(pages + 1);
        const int more = round % 3 == 0 ? 0 : m_chance.bounded(round % 3 == 1 ? 3 : PageBytes);
        const qsizetype length = std::min<qsizetype>(page * PageBytes + more, before.main.size());
        int left = 0;
        open(before, before.main.left(length), before.wal, left);
        const int lost = before.lostWith(
            [length](int number) { return qsizetype(number) * PageBytes > length; });
        const QString told = QStringLiteral(
                                 "round %1: %2 of %3 tasks, with %4 of %5 bytes and %6 "
                                 "of a WAL")
                                 .arg(round)
                                 .arg(left)
                                 .arg(Tasks - lost)
                                 .arg(length)
                                 .arg(before.main.size())
                                 .arg(before.wal.size());
        QVERIFY2(!QTest::currentTestFailed() && left >= Tasks - lost, qPrintable(told));
    }
}

void TestSalvage::pagesLost()
{
    m_comparesContent = true;
    m_comparesOutputs = false;  // Nothing checks the last page of a long value.
    int all = 0;
    int kept = 0;
    for (int round = 0; round < rounds().toInt(); ++round) {
        const Template &before = any();
        QByteArray main = before.main;
        QSet<int> damaged;
        for (int i = m_chance.bounded(1, 6); i > 0; --i)
            damaged << m_chance.bounded(1, int(main.size() / PageBytes) + 1);
        for (const int page : std::as_const(damaged))
            main.replace((page - 1) * PageBytes, PageBytes, QByteArray(PageBytes, '\xff'));
        int left = 0;
        open(before, main, before.wal, left);
        const int lost =
            before.lostWith([&damaged](int number) { return damaged.contains(number); });
        all += Tasks;
        kept += left;
        QStringList pages;
        for (const int page : std::as_const(damaged))
            pages << QString::number(page);
        const QString told = QStringLiteral("round %1: %2 of %3 tasks, without the pages %4")
                                 .arg(round)
                                 .arg(left)
                                 .arg(Tasks - lost)
                                 .arg(pages.join(QLatin1Char(' ')));
        QVERIFY2(!QTest::currentTestFailed() && left >= Tasks - lost, qPrintable(told));
    }
    qInfo("%d of %d tasks were salvaged", kept, all);
}

void TestSalvage::bytesFlipped()
{
    // Within a row nothing tells a wrong byte from a right one.
    m_comparesContent = false;
    for (int round = 0; round < rounds().toInt(); ++round) {
        const Template &before = any();
        QByteArray main = before.main;
        for (int i = m_chance.bounded(1, 40); i > 0; --i) {
            const qsizetype at = round % 4 == 0 ? m_chance.bounded(2 * PageBytes)
                                                : m_chance.bounded(int(main.size()));
            // The text of the schema is the next test's.
            if (!before.schema.contains(int(at / PageBytes) + 1))
                main[at] = char(m_chance.bounded(256));
        }
        int left = 0;
        open(before, main, before.wal, left);
        if (QTest::currentTestFailed()) {
            qWarning("round %d", round);
            write(QDir::temp().filePath(QStringLiteral("tst_salvage-failed.db")), main);
            return;
        }
    }
}

void TestSalvage::headerFlipped()
{
    m_comparesContent = true;
    m_comparesOutputs = true;
    constexpr int HeaderBytes = 100;
    for (int at = 0; at < HeaderBytes; ++at) {
        QByteArray main = m_closed.main;
        main[at] = char(main[at] ^ (at % 2 == 0 ? 0x01 : 0xff));
        int left = 0;
        open(m_closed, main, {}, left);
        const QString told = QStringLiteral("byte %1, %2 tasks left").arg(at).arg(left);
        QVERIFY2(!QTest::currentTestFailed() && left == Tasks, qPrintable(told));
    }
}

void TestSalvage::schemaFlipped()
{
    m_comparesContent = true;
    m_comparesOutputs = true;
    int salvaged = 0;
    for (int round = 0; round < rounds().toInt(); ++round) {
        QByteArray main = m_closed.main;
        const QList<int> pages = m_closed.schema.values();
        // The first page begins with the header.
        const int page = pages[m_chance.bounded(pages.size())];
        const int first = page == 1 ? 100 : 0;
        const qsizetype at = (page - 1) * PageBytes + m_chance.bounded(first, PageBytes);
        main[at] = char(main[at] ^ char(m_chance.bounded(1, 256)));
        int left = 0;
        open(m_closed, main, {}, left);
        const QString told =
            QStringLiteral("round %1: byte %2, %3 tasks left").arg(round).arg(at).arg(left);
        QVERIFY2(!QTest::currentTestFailed() && left == Tasks, qPrintable(told));
        salvaged += m_wasSalvaged ? 1 : 0;
    }
    QVERIFY(salvaged > 0);
}

void TestSalvage::logDamaged()
{
    m_comparesContent = true;
    m_comparesOutputs = true;
    m_isWhole = false;
    int atLeast = 0;
    open(m_killed, m_killed.main, {}, atLeast);
    for (int round = 0; round < rounds().toInt() && !QTest::currentTestFailed(); ++round) {
        QByteArray wal = m_killed.wal;
        if (round % 2 == 0)
            wal.truncate(m_chance.bounded(int(wal.size())));
        else
            wal[m_chance.bounded(int(wal.size()))] ^= char(m_chance.bounded(1, 256));
        int left = 0;
        open(m_killed, m_killed.main, wal, left);
        QVERIFY(QTest::currentTestFailed() || left >= atLeast);
    }
}

void TestSalvage::aLogWithoutItsDatabaseIsReported()
{
    m_comparesContent = true;
    int left = 0;
    open(m_killed, {}, m_killed.wal, left);
    QVERIFY(m_wasSalvaged);
}

QTEST_GUILESS_MAIN(TestSalvage)
#include "tst_salvage.moc"
