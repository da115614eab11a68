#include <sys/stat.h>

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QtTest>

#include "kernels/kernelspec.h"

using namespace celldeck;
using namespace celldeck::kernels;

/// The search as jupyter_client does it, in folders of our own.
class TestKernelSpec : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }
    void cleanup();

    void theOrderOfPaths();
    void theFirstPathWins();
    void namesAreFoundInAnyCase();
    void allOfASpecIsRead();
    void brokenOnesAreSkipped();
    void whatIsMissingIsNamed();
    void aLanguageFindsItsOnlyKernel();

private:
    QString path(const char *name) const { return m_folder->filePath(QString::fromUtf8(name)); }
    void install(const char *root, const char *name, const QByteArray &json)
    {
        const QString folder = path(root) + QStringLiteral("/kernels/") + QString::fromUtf8(name);
        QVERIFY(QDir().mkpath(folder));
        QFile file(folder + QStringLiteral("/kernel.json"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(json), json.size());
    }
    static QByteArray spec(const char *title, const char *language = "python")
    {
        return QByteArray(R"({"argv": ["run", "{connection_file}"], "display_name": ")") + title +
               R"(", "language": ")" + language + "\"}";
    }

    std::unique_ptr<QTemporaryDir> m_folder;
};

void TestKernelSpec::cleanup()
{
    for (const char *name : {"JUPYTER_PATH", "JUPYTER_PREFER_ENV_PATH", "JUPYTER_DATA_DIR"})
        qunsetenv(name);
}

void TestKernelSpec::theOrderOfPaths()
{
    qputenv("JUPYTER_PATH", "/first/:/second");
    qputenv("JUPYTER_DATA_DIR", "/of/the/user");
    const QStringList paths = jupyterPaths();
    QCOMPARE(paths.mid(0, 3), QStringList({QStringLiteral("/first"), QStringLiteral("/second"),
                                           QStringLiteral("/of/the/user")}));
    QCOMPARE(paths.last(), QStringLiteral("/usr/share/jupyter"));
    QVERIFY(paths.contains(QStringLiteral("/usr/local/share/jupyter")));
}

void TestKernelSpec::theFirstPathWins()
{
    install("a", "k", spec("of a"));
    install("b", "k", spec("of b"));
    install("b", "other", spec("other"));
    const auto found = findKernelSpec(QStringLiteral("k"), {path("a"), path("b")});
    QVERIFY(found);
    QCOMPARE(found->displayName, QStringLiteral("of a"));
    QCOMPARE(listKernelSpecs({path("b"), path("a")}).size(), 2);
}

void TestKernelSpec::namesAreFoundInAnyCase()
{
    install("a", "MyKernel", spec("mine"));
    const auto found = findKernelSpec(QStringLiteral("mykernel"), {path("a")});
    QVERIFY(found);
    QCOMPARE(found->name, QStringLiteral("mykernel"));
    QVERIFY(findKernelSpec(QStringLiteral("MYKERNEL"), {path("a")}));
}

void TestKernelSpec::allOfASpecIsRead()
{
    install("a", "k", R"({"argv": ["x", "-f", "{connection_file}"], "display_name": "X",
        "language": "x", "interrupt_mode": "message", "env": {"A": "b"}, "metadata": {}})");
    const auto found = findKernelSpec(QStringLiteral("k"), {path("a")});
    QVERIFY(found);
    QCOMPARE(found->argv.size(), 3);
    QCOMPARE(found->interruptMode, QStringLiteral("message"));
    QCOMPARE(found->environment.value(QStringLiteral("A")), QStringLiteral("b"));
    QCOMPARE(found->resourceDirectory, path("a") + QStringLiteral("/kernels/k"));
}

void TestKernelSpec::brokenOnesAreSkipped()
{
    install("a", "good", spec("good"));
    install("a", "text", "no JSON");
    install("a", "empty", R"({"argv": []})");
    install("a", "bad name", spec("with a space"));
    QVERIFY(QDir().mkpath(path("a") + QStringLiteral("/kernels/nothing")));
    // Whoever opens it would wait until somebody writes.
    const QString pipe = path("a") + QStringLiteral("/kernels/pipe");
    QVERIFY(QDir().mkpath(pipe));
    QCOMPARE(::mkfifo(QFile::encodeName(pipe + QStringLiteral("/kernel.json")).constData(), 0600),
             0);
    for (const char *name : {"empty", "pipe", "text"})
        QTest::ignoreMessage(
            QtWarningMsg,
            QRegularExpression(QStringLiteral(".*/%1/.*skipped.*").arg(QLatin1String(name))));
    const QList<KernelSpec> found = listKernelSpecs({path("a"), path("no such folder")});
    QCOMPARE(found.size(), 1);
    QCOMPARE(found.first().name, QStringLiteral("good"));
}

void TestKernelSpec::whatIsMissingIsNamed()
{
    install("a", "one", spec("one"));
    const auto found = findKernelSpec(QStringLiteral("cobol"), {path("a")});
    QVERIFY(!found);
    QCOMPARE(found.error().code, ErrorCode::NoKernel);
    QVERIFY(found.error().message.contains(QStringLiteral("cobol")));
    QVERIFY(found.error().message.contains(QStringLiteral("one")));
}

void TestKernelSpec::aLanguageFindsItsOnlyKernel()
{
    install("a", "ir", spec("R", "R"));
    install("a", "py1", spec("1"));
    install("a", "py2", spec("2"));
    QCOMPARE(findKernelSpecForLanguage(QStringLiteral("r"), {path("a")})->name,
             QStringLiteral("ir"));
    QVERIFY(!findKernelSpecForLanguage(QStringLiteral("python"), {path("a")}));
    QVERIFY(!findKernelSpecForLanguage(QStringLiteral("cobol"), {path("a")}));
    install("a", "python3", spec("3"));
    QCOMPARE(findKernelSpecForLanguage(QString(), {path("a")})->name, QStringLiteral("python3"));
}

QTEST_GUILESS_MAIN(TestKernelSpec)
#include "tst_kernelspec.moc"
