#include <QTemporaryDir>
#include <QtTest>

#include "engine/feedoutputs.h"

using namespace celldeck;
using storage::Adoption;
using storage::TaskDetail;

class TestFeedOutputs : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void picturesInFilesAreShown();
    void whatWasAdoptedIsShownToo();
    void ofWhatRunsTheLastIsShown();
};

void TestFeedOutputs::picturesInFilesAreShown()
{
    const QTemporaryDir dir;
    const auto file = [&dir](const char *name, const QByteArray &content) {
        const QString path = dir.filePath(QLatin1String(name));
        QFile made(path);
        [&] {
            QVERIFY(made.open(QIODevice::WriteOnly) && made.write(content) == content.size());
        }();
        return path;
    };
    const auto output = [](const Json &place) {
        return Json{{"output_type", "display_data"},
                    {"data", {{"text/plain", "words"}}},
                    {"metadata", Json::object()},
                    {"assets", {place}}};
    };
    TaskDetail detail;
    detail.outputs = toBytes(Json::array(
        {output({{"mime_type", "image/png"},
                 {"path", file("big.png", "BIG")},
                 {"thumbnail", file("big-small.jpg", "SMALL")}}),
         output({{"mime_type", "image/jpeg"}, {"path", file("mid.jpg", "MID")}}),
         output({{"mime_type", "image/png"}, {"path", dir.filePath(QStringLiteral("gone.png"))}}),
         output({{"mime_type", "application/pdf"}, {"path", file("a.pdf", "PDF")}})}));
    const auto shown = parseJson(allOutputs(detail, {}));
    QVERIFY(shown && shown->size() == 4);
    const auto data = [&shown](size_t i) -> Json { return (*shown)[i]["data"]; };
    QCOMPARE(textOf(data(0), "image/jpeg"), QString::fromLatin1(QByteArray("SMALL").toBase64()));
    QCOMPARE(textOf(data(1), "image/jpeg"), QString::fromLatin1(QByteArray("MID").toBase64()));
    for (const size_t words : {size_t(2), size_t(3)})
        QVERIFY(data(words) == (Json{{"text/plain", "words"}}));
}

void TestFeedOutputs::whatWasAdoptedIsShownToo()
{
    TaskDetail detail;
    detail.outputs = R"([{"output_type":"stream","name":"stdout","text":"own"}])";
    Adoption adoption;
    adoption.parent = "other-request";
    adoption.outputs = R"([{"output_type":"stream","name":"stdout","text":"late"}])";
    const auto shown = parseJson(allOutputs(detail, {adoption}));
    QVERIFY(shown && shown->size() == 3);
    QCOMPARE(textOf((*shown)[0], "text"), QStringLiteral("own"));
    QVERIFY(textOf((*shown)[1], "text").contains(QStringLiteral("other-request")));
    QCOMPARE(textOf((*shown)[2], "text"), QStringLiteral("late"));
}

void TestFeedOutputs::ofWhatRunsTheLastIsShown()
{
    Json outputs = Json::array();
    for (int i = 0; i < 300; ++i)
        outputs.push_back({{"output_type", "error"}, {"ename", std::to_string(i)}});
    const auto shown = parseJson(liveOutputs(outputs));
    QVERIFY(shown && shown->size() == 101);
    QVERIFY(textOf((*shown)[0], "text").contains(QStringLiteral("200 outputs before")));
    QCOMPARE(textOf((*shown)[1], "ename"), QStringLiteral("200"));
}

QTEST_GUILESS_MAIN(TestFeedOutputs)
#include "tst_feedoutputs.moc"
