#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QtTest>

#include "net/access.h"

using namespace celldeck;
using namespace celldeck::net;

class TestAccess : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void hosts_data();
    void hosts();
    void origins_data();
    void origins();
    void tokens();
    void bearer();
    void theTokenIsMadeOnceAndKeptPrivate();

private:
    const AccessRules m_rules{.token = "secret", .hosts = {QStringLiteral("deck.example")}};
};

void TestAccess::hosts_data()
{
    QTest::addColumn<QByteArray>("host");
    QTest::addColumn<bool>("allowed");
    const auto row = [](const char *host, bool allowed) {
        QTest::newRow(host) << QByteArray(host) << allowed;
    };
    row("localhost", true);
    row("LOCALHOST:8431", true);
    row("127.0.0.1:1", true);
    row("[::1]:8431", true);
    row("deck.example:80", true);
    row("", false);
    row("evil.example", false);
    row("localhost.evil.example", false);
    row("127.0.0.1.evil.example", false);
    row("evil.example:127.0.0.1", false);
    row("localhost@evil.example", false);
    row("192.168.1.2", false);
    row("0.0.0.0", false);
}

void TestAccess::hosts()
{
    QFETCH(const QByteArray, host);
    QTEST(isHostAllowed(m_rules, host), "allowed");
}

void TestAccess::origins_data()
{
    QTest::addColumn<QByteArray>("origin");
    QTest::addColumn<bool>("allowed");
    const auto row = [](const char *origin, bool allowed) {
        QTest::newRow(origin) << QByteArray(origin) << allowed;
    };
    row("", true);
    row("http://localhost:3000", true);
    row("https://127.0.0.1", true);
    row("https://deck.example", true);
    row("null", false);
    row("https://evil.example", false);
    row("https://localhost.evil.example", false);
    row("file://", false);
    row("nonsense", false);
}

void TestAccess::origins()
{
    QFETCH(const QByteArray, origin);
    QTEST(isOriginAllowed(m_rules, origin), "allowed");
}

void TestAccess::tokens()
{
    QVERIFY(isTokenRight(m_rules, "secret"));
    QVERIFY(!isTokenRight(m_rules, ""));
    QVERIFY(!isTokenRight(m_rules, "secre"));
    QVERIFY(!isTokenRight(m_rules, "secret "));
    // Without a token there is no way in, and not every way.
    QVERIFY(!isTokenRight(AccessRules{}, ""));
}

void TestAccess::bearer()
{
    QCOMPARE(bearerToken("Bearer abc"), QByteArray("abc"));
    QCOMPARE(bearerToken("bearer abc"), QByteArray("abc"));
    QCOMPARE(bearerToken("Basic abc"), QByteArray());
    QCOMPARE(bearerToken(""), QByteArray());
}

void TestAccess::theTokenIsMadeOnceAndKeptPrivate()
{
    const QTemporaryDir folder;
    const QString path = folder.filePath(QStringLiteral("token"));
    const auto made = loadOrMakeToken(path);
    QVERIFY(made);
    QVERIFY(made->size() >= 32);
    QCOMPARE(QFileInfo(path).permissions() & QFile::Permissions(0x0077), QFile::Permissions());
    const auto again = loadOrMakeToken(path);
    QVERIFY(again);
    QCOMPARE(*again, *made);
    QVERIFY(!loadOrMakeToken(folder.filePath(QStringLiteral("no/such/folder"))));
}

QTEST_GUILESS_MAIN(TestAccess)
#include "tst_access.moc"
