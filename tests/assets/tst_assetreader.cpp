#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "assets/assetfolder.h"
#include "assets/assetreader.h"

using namespace celldeck;
using namespace celldeck::assets;

/// Parts of an asset: by lines, by a search, and never more than can be taken.
class TestAssetReader : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void linesAreReadByRangeAndSearch_data();
    void linesAreReadByRangeAndSearch();
    void longLinesAndLongAnswersAreBounded();
    void noLinkIsRead();
};

void TestAssetReader::linesAreReadByRangeAndSearch_data()
{
    QTest::addColumn<qint64>("first");
    QTest::addColumn<qint64>("last");
    QTest::addColumn<QString>("search");
    QTest::addColumn<int>("maxLines");
    QTest::addColumn<QString>("lines");
    QTest::addColumn<bool>("more");
    const QString any;
    QTest::newRow("all") << qint64(1) << qint64(0) << any << 99 << "1 2 3 4 5 6 7 8 9 10" << false;
    QTest::newRow("a range") << qint64(3) << qint64(5) << any << 99 << "3 4 5" << false;
    QTest::newRow("behind the end") << qint64(11) << qint64(20) << any << 99 << "" << false;
    QTest::newRow("at most") << qint64(2) << qint64(0) << any << 3 << "2 3 4" << true;
    QTest::newRow("a search") << qint64(1) << qint64(0) << QStringLiteral("^line 1") << 99 << "1 10"
                              << false;
    QTest::newRow("a search in a range")
        << qint64(2) << qint64(0) << QStringLiteral("line 1") << 99 << "10" << false;
    QTest::newRow("exactly as many")
        << qint64(1) << qint64(0) << QStringLiteral("1") << 2 << "1 10" << false;
}

void TestAssetReader::linesAreReadByRangeAndSearch()
{
    QFETCH(qint64, first);
    QFETCH(qint64, last);
    QFETCH(QString, search);
    QFETCH(int, maxLines);
    QFETCH(QString, lines);
    QFETCH(bool, more);
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("a.txt"));
    QByteArray text;
    for (int i = 1; i <= 10; ++i)
        text += "line " + QByteArray::number(i) + (i == 10 ? "" : "\r\n");
    QVERIFY(putFile(path, text));
    LineRequest request{
        .path = path, .first = first, .last = {}, .search = search, .maxLines = maxLines};
    if (last > 0)
        request.last = last;
    const auto answer = readLines(request);
    QVERIFY(answer);
    QStringList numbers;
    for (const Line &line : answer->lines) {
        QCOMPARE(line.text, QStringLiteral("line %1").arg(line.number));
        numbers << QString::number(line.number);
    }
    QCOMPARE(numbers.join(QLatin1Char(' ')), lines);
    QCOMPARE(answer->more, more);
    QCOMPARE(answer->totalLines, 10);
}

void TestAssetReader::longLinesAndLongAnswersAreBounded()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("a.txt"));
    QVERIFY(putFile(path, QByteArray(QByteArray(1'000'000, 'x') + '\n').repeated(20) + "end"));
    const auto answer = readLines({.path = path, .first = 1, .last = {}, .search = {}});
    QVERIFY(answer);
    QCOMPARE(answer->totalLines, 21);
    QVERIFY(answer->more);
    qsizetype characters = 0;
    for (const Line &line : answer->lines)
        characters += line.text.size();
    QVERIFY(characters > MaxAnswerCharacters / 2 && characters <= MaxAnswerCharacters);
    QCOMPARE(readLines({.path = path, .first = 21, .last = {}, .search = {}})->lines,
             (QList<Line>{{21, QStringLiteral("end")}}));
    QCOMPARE(readLines({.path = path, .first = 1, .last = {}, .search = QStringLiteral("(")})
                 .error()
                 .code,
             ErrorCode::InvalidArgument);
    QCOMPARE(readWhole(path, 1'000).error().code, ErrorCode::TooLarge);
}

void TestAssetReader::noLinkIsRead()
{
    QTemporaryDir dir;
    const QString secret = dir.filePath(QStringLiteral("secret"));
    QVERIFY(putFile(secret, "secret"));
    QVERIFY(QFile::link(secret, dir.filePath(QStringLiteral("link"))));
    QVERIFY(!readWhole(dir.filePath(QStringLiteral("link")), 1'000));
    QCOMPARE(*readWhole(secret, 1'000), QByteArray("secret"));
    QCOMPARE(readWhole(dir.filePath(QStringLiteral("gone")), 1'000).error().code,
             ErrorCode::NotFound);
    QVERIFY(!readWhole(dir.path(), 1'000));
}

QTEST_GUILESS_MAIN(TestAssetReader)
#include "tst_assetreader.moc"
