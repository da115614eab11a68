#include <QTemporaryDir>
#include <QtTest>

#include "kernels/questionnote.h"

using namespace celldeck;
using namespace celldeck::kernels;

namespace {

const QString Session = QStringLiteral("5e55-10");
const InputRequest Question{.prompt = QStringLiteral("Wer? "),
                            .isPassword = true,
                            .header = Json{{"msg_id", "k_1"}, {"msg_type", "input_request"}}};

}  // namespace

class TestQuestionNote : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void init() { m_folder.emplace(); }
    void aLaterEngineFindsIt();
    void onlyOfTheCellThatAsked();
    void itGoesWithItsKernel();
    void halfOfOneIsNone();
    void whatCannotBeWrittenIsSaid();
    void whatIsLeftOfGoneSessionsIsFound();

private:
    QString file() const { return m_folder->filePath(QStringLiteral("question-") + Session); }
    std::optional<QTemporaryDir> m_folder;
};

void TestQuestionNote::aLaterEngineFindsIt()
{
    QuestionNote note(m_folder->path(), Session);
    QVERIFY(note.put("m1", Question));
    QCOMPARE(QuestionNote(m_folder->path(), Session).find("m1"), std::optional(Question));
}

void TestQuestionNote::onlyOfTheCellThatAsked()
{
    QuestionNote note(m_folder->path(), Session);
    QCOMPARE(note.find("m1"), std::nullopt);
    QVERIFY(note.put("m1", Question));
    QCOMPARE(note.find("m2"), std::nullopt);
    QVERIFY(note.put("m2", Question));
    QCOMPARE(note.find("m1"), std::nullopt);
    QCOMPARE(note.find("m2"), std::optional(Question));
    note.remove();
    QCOMPARE(note.find("m2"), std::nullopt);
}

void TestQuestionNote::itGoesWithItsKernel()
{
    {
        QuestionNote note(m_folder->path(), Session);
        QVERIFY(note.put("m1", Question));
        // What a kernel asks is nobody else's to read.
        QCOMPARE(QFile::permissions(file()) & QFile::Permissions(0x0077), QFile::Permissions());
    }
    QVERIFY(!QFile::exists(file()));
    QCOMPARE(QDir(m_folder->path()).entryList(QDir::Files), QStringList());
}

void TestQuestionNote::halfOfOneIsNone()
{
    QFile half(file());
    QVERIFY(half.open(QIODevice::WriteOnly));
    half.write("{\"message_id\":\"m1\",\"prom");
    half.close();
    QCOMPARE(QuestionNote(m_folder->path(), Session).find("m1"), std::nullopt);
}

void TestQuestionNote::whatCannotBeWrittenIsSaid()
{
    QuestionNote note(m_folder->filePath(QStringLiteral("missing")), Session);
    const Result<> put = note.put("m1", Question);
    QVERIFY(!put);
    QCOMPARE(put.error().code, ErrorCode::Io);
    QVERIFY2(put.error().message.contains(QStringLiteral("missing")),
             qPrintable(put.error().message));
    // Nor does what the cell asked before stay.
    QuestionNote asked(m_folder->path(), Session);
    QVERIFY(asked.put("m1", Question));
    QVERIFY(QDir(m_folder->path()).mkdir(QFileInfo(file()).fileName() + QStringLiteral(".new")));
    QVERIFY(!asked.put("m1", Question));
    QCOMPARE(asked.find("m1"), std::nullopt);
}

void TestQuestionNote::whatIsLeftOfGoneSessionsIsFound()
{
    // As killed before it was in its place.
    QFile half(file() + QStringLiteral(".new"));
    QVERIFY(half.open(QIODevice::WriteOnly));
    half.close();
    QCOMPARE(questionNotes(m_folder->path()), QStringList{Session});
    removeQuestionNote(m_folder->path(), Session);
    QCOMPARE(QDir(m_folder->path()).entryList(QDir::Files), QStringList());
}

QTEST_GUILESS_MAIN(TestQuestionNote)
#include "tst_questionnote.moc"
