#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "assets/references.h"

using namespace celldeck;
using namespace celldeck::assets;

namespace {

const QByteArray A = "0123456789abcdef0123456789abcdef";
const QByteArray B = "fedcba9876543210fedcba9876543210";

void write(const QString &path, const QByteArray &bytes)
{
    QVERIFY(QDir().mkpath(QFileInfo(path).absolutePath()));
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(bytes), bytes.size());
}

}  // namespace

/// Names of assets are found wherever they stand.
class TestReferences : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void aStemIsFoundInText_data();
    void aStemIsFoundInText();
    void itMayBeCutAnywhere();
    void textsDoNotRunTogether();
    void whichFilesAreRead();
    void aNameAcrossThePiecesOfABigFile();
    void aFileThatCannotBeReadIsNamed();
};

void TestReferences::aStemIsFoundInText_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<bool>("found");
    QTest::newRow("alone") << A << true;
    QTest::newRow("in Markdown") << QByteArray("![](assets/" + A + ".png)") << true;
    QTest::newRow("in a longer number") << QByteArray("00ab" + A + "99") << true;
    QTest::newRow("after a part of itself") << QByteArray("0123456789abcde" + A) << true;
    QTest::newRow("one digit short") << QByteArray("x" + A.left(31) + "x") << false;
    QTest::newRow("with a gap") << QByteArray(A.left(16) + " " + A.mid(16)) << false;
    QTest::newRow("another") << B << false;
    QTest::newRow("nothing") << QByteArray() << false;
}

void TestReferences::aStemIsFoundInText()
{
    QFETCH(QByteArray, text);
    QFETCH(bool, found);
    const QSet<QByteArray> stems{A};
    StemFinder finder(stems);
    finder.feed(text);
    QCOMPARE(finder.found(), found ? stems : QSet<QByteArray>());
}

void TestReferences::itMayBeCutAnywhere()
{
    const QByteArray text = "a0 " + A + " " + B + "0";
    const QSet<QByteArray> stems{A, B};
    for (qsizetype cut = 0; cut <= text.size(); ++cut) {
        StemFinder finder(stems);
        finder.feed(text.left(cut));
        finder.feed(text.mid(cut));
        QCOMPARE(finder.found(), stems);
    }
}

void TestReferences::textsDoNotRunTogether()
{
    const QSet<QByteArray> stems{A};
    StemFinder finder(stems);
    finder.feed(A.left(20));
    finder.reset();
    finder.feed(A.mid(20));
    QVERIFY(finder.found().isEmpty());
}

void TestReferences::whichFilesAreRead()
{
    QTemporaryDir dir;
    const QString top = dir.filePath(QStringLiteral("w"));
    write(top + QStringLiteral("/script.py"), A);
    write(top + QStringLiteral("/.git/x.ipynb"), A);
    write(dir.filePath(QStringLiteral("beside/y.ipynb")), A);
    QVERIFY(QFile::link(dir.filePath(QStringLiteral("beside")), top + QStringLiteral("/link")));
    const SearchPlaces places{.folders = {top, dir.filePath(QStringLiteral("not there"))},
                              .notebooks = {dir.filePath(QStringLiteral("gone.ipynb"))},
                              .texts = {}};
    auto found = namedIn({A, B}, places);
    QVERIFY(found);
    QVERIFY(found->isEmpty());
    write(top + QStringLiteral("/a/.ipynb_checkpoints/x-checkpoint.ipynb"), A);
    found = namedIn({A, B}, places);
    QCOMPARE(*found, QSet<QByteArray>{A});
    // A link to a notebook is a notebook of this folder.
    write(dir.filePath(QStringLiteral("beside/z.ipynb")), B);
    QVERIFY(QFile::link(dir.filePath(QStringLiteral("beside/z.ipynb")),
                        top + QStringLiteral("/z.ipynb")));
    found = namedIn({A, B}, places);
    QCOMPARE(*found, (QSet<QByteArray>{A, B}));
}

void TestReferences::aNameAcrossThePiecesOfABigFile()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("big.ipynb"));
    QByteArray text(3 << 20, ' ');
    text.replace((1 << 20) - 10, A.size(), A);
    write(path, text);
    const auto found = namedIn({A}, {.folders = {dir.path()}, .notebooks = {}, .texts = {}});
    QVERIFY(found);
    QCOMPARE(*found, QSet<QByteArray>{A});
}

void TestReferences::aFileThatCannotBeReadIsNamed()
{
    QTemporaryDir dir;
    const QString path = dir.filePath(QStringLiteral("folder.ipynb"));
    QVERIFY(QDir().mkpath(path));
    const auto found = namedIn({A}, {.folders = {}, .notebooks = {path}, .texts = {}});
    QVERIFY(!found);
    QCOMPARE(found.error().code, ErrorCode::Io);
    QVERIFY2(found.error().message.contains(path), qPrintable(found.error().message));
}

QTEST_GUILESS_MAIN(TestReferences)
#include "tst_references.moc"
