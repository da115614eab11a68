#include <QBuffer>
#include <QImage>
#include <QScrollBar>
#include <QTest>
#include <QTextBlock>

#include "base/json.h"
#include "ui/theme.h"
#include "ui/widgets/outputview.h"

using namespace celldeck;
using namespace celldeck::ui;

namespace {

Json stream(const QString &text, const char *name = "stdout")
{
    return {{"output_type", "stream"}, {"name", name}, {"text", text}};
}

Json display(const Json &data)
{
    return {{"output_type", "display_data"}, {"data", data}, {"metadata", Json::object()}};
}

QString png(int width, int height)
{
    QImage image(width, height, QImage::Format_RGB32);
    image.fill(Qt::blue);
    QBuffer buffer;
    image.save(&buffer, "PNG");
    return QString::fromLatin1(buffer.data().toBase64());
}

}  // namespace

class TstOutputView : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void streamsOfOneNameFlowTogether();
    void emptyLinesStay();
    void progressBarsAcrossOutputsOverwrite();
    void textStandsInForHtml();
    void otherTypesAreNamed();
    void tracebacksAreCleanAndColoured();
    void picturesFitTheWidth();
    void damagedPicturesAreSaid();
    void longTextIsCutInTheMiddle();
    void exactlyTheBoundIsNotCut();
    void anEndlessLineIsCut();
    void unreadableOutputsAreSaid();
    void updatesAreCoalescedAndTheLastOneShows();
    void itStaysWhereTheReaderIs();
    void whatIsBeingSelectedStays();
    void coloursStandOut();
};

void TstOutputView::streamsOfOneNameFlowTogether()
{
    OutputView view;
    view.setOutputs(toBytes(Json::array({stream(QStringLiteral("a")), stream(QStringLiteral("b\n")),
                                         stream(QStringLiteral("c\n"), "stderr")})));
    QCOMPARE(view.toPlainText(), QStringLiteral("ab\nc"));
    QVERIFY(view.document()->lastBlock().blockFormat().hasProperty(QTextFormat::BackgroundBrush));
    QVERIFY(!view.document()->firstBlock().blockFormat().hasProperty(QTextFormat::BackgroundBrush));
}

void TstOutputView::emptyLinesStay()
{
    OutputView view;
    view.setOutputs(toBytes(Json::array({stream(QStringLiteral("\n\na\n\nb"))})));
    QCOMPARE(view.toPlainText(), QStringLiteral("\n\na\n\nb"));
}

void TstOutputView::progressBarsAcrossOutputsOverwrite()
{
    OutputView view;
    view.setOutputs(toBytes(Json::array(
        {stream(QStringLiteral("\r 10%"), "stderr"), stream(QStringLiteral("\r100%"), "stderr")})));
    QCOMPARE(view.toPlainText(), QStringLiteral("100%"));
}

void TstOutputView::textStandsInForHtml()
{
    OutputView view;
    view.setOutputs(toBytes(Json::array(
        {display({{"text/html", "<b>bold</b>"}, {"text/plain", Json::array({"plain\n", "two"})}}),
         display({{"text/html", "<p>only &amp; <b>html</b></p>"}})})));
    QCOMPARE(view.toPlainText(), QStringLiteral("plain\ntwo\nonly & html"));
}

void TstOutputView::otherTypesAreNamed()
{
    OutputView view;
    view.setOutputs(toBytes(Json::array(
        {display({{"application/x-thing", std::string(2500, 'x')}, {"text/plain", "T"}})})));
    QVERIFY(view.toPlainText().startsWith(QLatin1String("T\n")));
    QVERIFY(view.toPlainText().contains(QStringLiteral("application/x-thing · 2.5 kB")));
}

void TstOutputView::tracebacksAreCleanAndColoured()
{
    OutputView view;
    view.setOutputs(toBytes(
        Json::array({{{"output_type", "error"},
                      {"ename", "ValueError"},
                      {"evalue", "no"},
                      {"traceback", Json::array({"\x1b[0;31mValueError\x1b[0m: no", "last"})}},
                     {{"output_type", "error"},
                      {"ename", "E"},
                      {"evalue", "v"},
                      {"traceback", Json::array()}}})));
    QCOMPARE(view.toPlainText(), QStringLiteral("ValueError: no\nlast\nE: v"));
    const QTextFragment first = view.document()->firstBlock().begin().fragment();
    QCOMPARE(first.text(), QStringLiteral("ValueError"));
    QVERIFY(first.charFormat().foreground().color() != view.palette().color(QPalette::Text));
}

void TstOutputView::picturesFitTheWidth()
{
    OutputView view;
    view.resize(300, 400);
    view.show();
    const QString svg = QStringLiteral(
        "<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'><rect width='9' "
        "height='9'/></svg>");
    view.setOutputs(
        toBytes(Json::array({display({{"image/png", png(900, 300)}, {"text/plain", "no"}}),
                             display({{"image/svg+xml", svg}})})));
    QCOMPARE(view.pictureCount(), 2);
    QVERIFY(!view.toPlainText().contains(QLatin1String("no")));
    QCOMPARE_LE(view.document()->idealWidth(), view.viewport()->width());
    QCOMPARE_GE(view.document()->size().height(), 80);  // 280 × 1/3, not 300 high and not nothing.
    QCOMPARE_LE(view.document()->size().height(), 200);
    view.resize(700, 400);
    QTRY_COMPARE_GE(view.document()->size().height(), 220);
}

void TstOutputView::damagedPicturesAreSaid()
{
    OutputView view;
    view.setOutputs(toBytes(Json::array({display({{"image/png", "bm90IGEgcGljdHVyZQ=="}})})));
    QCOMPARE(view.pictureCount(), 0);
    QVERIFY(view.toPlainText().contains(QLatin1String("image/png")));
}

void TstOutputView::longTextIsCutInTheMiddle()
{
    QString text;
    for (int i = 0; i < 5000; ++i)
        text += QStringLiteral("line %1\n").arg(i);
    OutputView view;
    view.setOutputs(
        toBytes(Json::array({stream(text), stream(QStringLiteral("end\n"), "stderr")})));
    QCOMPARE(view.document()->blockCount(), OutputView::MostLines + 1);
    const QString shown = view.toPlainText();
    QVERIFY(shown.contains(QLatin1String("line 999\n")));
    QVERIFY(!shown.contains(QLatin1String("line 1000\n")));
    QVERIFY(shown.contains(QLatin1String("3001 lines are not shown")));
    QVERIFY(!shown.contains(QLatin1String("line 4000\n")));
    QVERIFY(shown.contains(QLatin1String("line 4001\n")));
    QVERIFY(shown.endsWith(QLatin1String("end")));
    QVERIFY(view.outputsText().contains(QLatin1String("line 2500\n")));
}

void TstOutputView::exactlyTheBoundIsNotCut()
{
    OutputView view;
    view.setOutputs(
        toBytes(Json::array({stream(QStringLiteral("x\n").repeated(OutputView::MostLines))})));
    QCOMPARE(view.document()->blockCount(), OutputView::MostLines);
    QVERIFY(!view.toPlainText().contains(QLatin1String("not shown")));
}

void TstOutputView::anEndlessLineIsCut()
{
    OutputView view;
    view.setOutputs(toBytes(Json::array({stream(QString(100'000, QLatin1Char('x')))})));
    QCOMPARE_LE(view.toPlainText().size(), OutputView::LongestLine + 40);
    QVERIFY(view.toPlainText().contains(QLatin1String("96000 more characters")));
}

void TstOutputView::unreadableOutputsAreSaid()
{
    OutputView view;
    view.setOutputs("[{");
    QVERIFY(view.toPlainText().contains(QLatin1String("cannot be read")));
}

void TstOutputView::updatesAreCoalescedAndTheLastOneShows()
{
    OutputView view;
    const auto show = [&view](int number) {
        view.setOutputs(toBytes(Json::array({stream(QString::number(number))})));
    };
    show(1);
    QCOMPARE(view.toPlainText(), QStringLiteral("1"));
    show(2);
    show(3);
    QCOMPARE(view.toPlainText(), QStringLiteral("1"));
    QTRY_COMPARE_WITH_TIMEOUT(view.toPlainText(), QStringLiteral("3"), 5000);
}

void TstOutputView::itStaysWhereTheReaderIs()
{
    OutputView view;
    view.resize(400, 200);
    view.show();
    int shown = 0;
    const auto show = [&](int lines) {
        QString text;
        for (int i = 0; i < lines; ++i)
            text += QStringLiteral("line %1\n").arg(i);
        text += QStringLiteral("end %1").arg(++shown);
        view.setOutputs(toBytes(Json::array({stream(text)})));
        QTRY_VERIFY_WITH_TIMEOUT(view.toPlainText().endsWith(text), 5000);
    };
    const QScrollBar *bar = view.verticalScrollBar();
    view.setHint(QStringLiteral("runs"));
    view.startAt(OutputView::Place::End);
    show(2);
    show(100);
    QVERIFY(bar->maximum() > 0);
    QCOMPARE(bar->value(), bar->maximum());
    // Who goes up stays there, also if there is less for a moment.
    view.verticalScrollBar()->setValue(150);
    show(200);
    QCOMPARE(bar->value(), 150);
    show(0);
    show(200);
    QCOMPARE(bar->value(), 150);
    // Nor does a higher view, in which there is less to scroll, take the reader to the end.
    const int near = bar->maximum() - 100;
    view.verticalScrollBar()->setValue(near);
    view.resize(400, 350);
    QVERIFY(bar->maximum() < near);
    view.resize(400, 200);
    show(201);
    QCOMPARE(bar->value(), near);
    QTest::keyClick(&view, Qt::Key_End, Qt::ControlModifier);
    show(300);
    QCOMPARE(bar->value(), bar->maximum());
    // Of what has ended the begin is seen first.
    view.setHint(QStringLiteral("loads"));
    view.startAt(OutputView::Place::Begin);
    show(100);
    QCOMPARE(bar->value(), 0);
}

void TstOutputView::whatIsBeingSelectedStays()
{
    OutputView view;
    OutputView other;  // which shows when this one would have
    const auto show = [&](const QString &text) {
        for (OutputView *each : {&view, &other})
            each->setOutputs(toBytes(Json::array({stream(text)})));
    };
    view.show();
    show(QStringLiteral("one two"));
    QTextCursor cursor = view.textCursor();
    cursor.setPosition(0);
    cursor.setPosition(3, QTextCursor::KeepAnchor);
    view.setTextCursor(cursor);
    show(QStringLiteral("one two three"));
    QTRY_COMPARE_WITH_TIMEOUT(other.toPlainText(), QStringLiteral("one two three"), 5000);
    QCOMPARE(view.textCursor().selectedText(), QStringLiteral("one"));
    cursor.clearSelection();
    view.setTextCursor(cursor);
    QTRY_COMPARE_WITH_TIMEOUT(view.toPlainText(), QStringLiteral("one two three"), 5000);
}

void TstOutputView::coloursStandOut()
{
    for (const QColor &ground : {QColor(Qt::white), QColor(Qt::black), QColor(0x20, 0x24, 0x2c)}) {
        for (const QColor &colour : {QColor(0x00, 0x87, 0x00), QColor(0xaf, 0x00, 0x00),
                                     QColor(Qt::yellow), QColor(Qt::blue)}) {
            const QColor seen = legible(colour, ground);
            QVERIFY(std::abs(seen.lightness() - ground.lightness()) > 40);
            QCOMPARE(legible(seen, ground), seen);
        }
    }
    QCOMPARE(legible(Qt::red, Qt::black), QColor(Qt::red));  // As it is where it can be seen.
}

QTEST_MAIN(TstOutputView)
#include "tst_outputview.moc"
