#include <QTest>

#include "ui/widgets/ansitext.h"

using namespace celldeck::ui;

namespace {

AnsiStyle coloured(int index)
{
    AnsiStyle style;
    style.foreground = AnsiIndex{index};
    return style;
}

AnsiStyle rgb(std::uint32_t value)
{
    AnsiStyle style;
    style.foreground = AnsiRgb{value};
    return style;
}

AnsiStyle on(AnsiColour colour)
{
    AnsiStyle style;
    style.background = colour;
    return style;
}

AnsiStyle bold(AnsiStyle style = {})
{
    style.bold = true;
    return style;
}

AnsiStyle underlined()
{
    AnsiStyle style;
    style.underline = true;
    return style;
}

using Lines = std::vector<AnsiLine>;

}  // namespace

Q_DECLARE_METATYPE(Lines)

class TstAnsiText : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void parses_data();
    void parses();
};

void TstAnsiText::parses_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<Lines>("lines");
    const auto row = [](const char *name, const char *text, const Lines &lines) {
        QTest::newRow(name) << QString::fromUtf8(text) << lines;
    };
    const auto plain = [](const char *text) { return AnsiLine{{QString::fromUtf8(text), {}}}; };
    const auto span = [](const char *text, const AnsiStyle &style) {
        return AnsiSpan{QString::fromUtf8(text), style};
    };
    row("nothing", "", {});
    row("one line", "abc", {plain("abc")});
    row("newline at the end opens no line", "abc\n", {plain("abc")});
    row("an empty line between", "a\n\nb", {plain("a"), {}, plain("b")});
    row("an empty line at the end stays", "a\n\n", {plain("a"), {}});
    row("carriage return, newline", "a\r\nb\r\n", {plain("a"), plain("b")});
    row("carriage return overwrites", "12345\rab", {plain("ab345")});
    row("carriage return at the end keeps", "12345\r", {plain("12345")});
    row("progress", " 10%\r 55%\r100%\ndone", {plain("100%"), plain("done")});
    row("erase to the end", "12345\rab\x1b[K", {plain("ab")});
    row("erase the line", "12345\x1b[2K\rab", {plain("ab")});
    row("erase to the start", "12345\x1b[2D\x1b[1K", {plain("   45")});
    row("backspace", "abc\b\bX", {plain("aXc")});
    row("backspace stops at the start", "a\b\b\bX", {plain("X")});
    row("cursor up rewrites the line above", "one\ntwo\x1b[A\rONE", {plain("ONE"), plain("two")});
    row("cursor up stops at the top", "one\x1b[9A\rX", {plain("Xne")});
    row("down from above keeps the lower line", "a\nb\x1b[A\rX\nY", {plain("X"), plain("Y")});
    row("tab", "a\tb", {plain("a       b")});
    row("colour and reset", "\x1b[31mred\x1b[0m plain",
        {{span("red", coloured(1)), span(" plain", {})}});
    row("an empty reset", "\x1b[32mg\x1b[mp", {{span("g", coloured(2)), span("p", {})}});
    row("bright", "\x1b[91mx", {{span("x", coloured(9))}});
    row("bold and colour in one", "\x1b[1;34mx", {{span("x", bold(coloured(4)))}});
    row("bold off keeps the colour", "\x1b[1;34mx\x1b[22my",
        {{span("x", bold(coloured(4))), span("y", coloured(4))}});
    row("underline", "\x1b[4mx\x1b[24my", {{span("x", underlined()), span("y", {})}});
    row("default colour", "\x1b[31mx\x1b[39my", {{span("x", coloured(1)), span("y", {})}});
    row("background", "\x1b[43mx\x1b[49my", {{span("x", on(AnsiIndex{3})), span("y", {})}});
    row("256: the first 16 are the theme's", "\x1b[38;5;9mx", {{span("x", coloured(9))}});
    row("256: cube", "\x1b[38;5;208mx", {{span("x", rgb(0xff8700))}});
    row("256: grey", "\x1b[38;5;244mx", {{span("x", rgb(0x808080))}});
    row("truecolour", "\x1b[38;2;1;2;254mx", {{span("x", rgb(0x0102fe))}});
    row("truecolour behind", "\x1b[48;2;16;32;48mx", {{span("x", on(AnsiRgb{0x102030}))}});
    row("after an extended colour comes more", "\x1b[38;5;9;1mx", {{span("x", bold(coloured(9)))}});
    row("a style lasts over lines", "\x1b[31ma\nb",
        {{span("a", coloured(1))}, {span("b", coloured(1))}});
    row("overwriting takes the new style", "ab\r\x1b[31mX",
        {{span("X", coloured(1)), span("b", {})}});
    row("unknown sequences vanish", "a\x1b[?25lb\x1b[2Jc", {plain("abc")});
    row("titles and links leave their text", "\x1b]8;;http://x\x1b\\text\x1b]8;;\x07!",
        {plain("text!")});
    row("cut short", "a\x1b[3", {plain("a")});
    row("an extended colour cut short", "\x1b[38;5mx", {plain("x")});
    row("beyond the basic plane", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\rx",
        {plain("x\xf0\x9f\x98\x80")});
    row("a jump far away costs little", "\x1b[999999999Cx",
        {{span((std::string(1000, ' ') + "x").c_str(), {})}});
}

void TstAnsiText::parses()
{
    QFETCH(QString, text);
    QFETCH(Lines, lines);
    const Lines parsed = parseAnsi(text);
    QCOMPARE(parsed.size(), lines.size());
    for (std::size_t i = 0; i < lines.size(); ++i) {
        QCOMPARE(plainText(parsed[i]), plainText(lines[i]));
        QVERIFY(parsed[i] == lines[i]);
    }
}

QTEST_GUILESS_MAIN(TstAnsiText)
#include "tst_ansitext.moc"
