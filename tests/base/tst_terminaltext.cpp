#include <QTest>

#include "base/terminaltext.h"

using namespace celldeck;

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

class TestTerminalText : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void parses_data();
    void parses();
    void resolves_data();
    void resolves();
    void pieces_data();
    void pieces();
    void whatIsBehindTheWidthIsNotKept();
    void takesTimeInProportion();
};

void TestTerminalText::parses_data()
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

void TestTerminalText::parses()
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

void TestTerminalText::resolves_data()
{
    QTest::addColumn<QString>("printed");
    QTest::addColumn<QString>("resolved");
    QTest::addColumn<QString>("readable");
    const auto row = [](const char *name, const char *printed, const char *resolved,
                        const char *readable = nullptr) {
        QTest::newRow(name) << QString::fromUtf8(printed) << QString::fromUtf8(resolved)
                            << QString::fromUtf8(readable ? readable : resolved);
    };
    row("nothing", "", "");
    row("plain", "a\n\tb\n\n", "a\n\tb\n\n");
    row("no newline at the end", "a\nb", "a\nb");
    row("line ends of others", "a\r\n\tb\r\n", "a\n\tb\n");
    row("tqdm", "  0%|          | 0/3\r 33%|###       | 1/3\r100%|##########| 3/3\n",
        "100%|##########| 3/3\n");
    row("the tail of a longer text stays", "12345\rab", "ab345");
    row("carriage return at the end", "12345\r", "12345");
    row("twice", "12345\r\r\nx", "12345\nx");
    row("backspaces", "50%\b\b\b100%\n", "100%\n");
    row("backspace takes a character with its marks", "e\u0301\bx", "x");
    row("marks stay on their characters", "e\u0301\u0323a\ro\u0308", "o\u0308a");
    row("a mark without a character", "\u0301x\r", "\u0301x");
    row("joined to one", "👩\u200d👧!\bx\r", "👩\u200d👧x");
    row("colours stay as they came", "\x1b[31;1mred\x1b[0m plain\n", "\x1b[31;1mred\x1b[0m plain\n",
        "red plain\n");
    row("colours in a line that is overwritten", "\x1b[31mab\x1b[0mcd\rx", "x\x1b[0;31mb\x1b[0mcd",
        "xbcd");
    row("a bar in colour", "\x1b[32m 10%\r 20%\x1b[0m\n", "\x1b[0;32m 20%\x1b[0m\n", " 20%\n");
    row("bright, 256 and truecolour", "\x1b[91mx\x1b[38;5;208my\x1b[48;2;1;2;3mz\rX",
        "\x1b[0;38;2;255;135;0;48;2;1;2;3mX\x1b[0;38;2;255;135;0my"
        "\x1b[0;38;2;255;135;0;48;2;1;2;3mz\x1b[0m",
        "Xyz");
    row("nested bars", "a  0%\nb  0%\x1b[A\ra 50%\n\rb 50%", "a 50%\nb 50%");
    row("other sequences go", "\x1b[?25lx\x1b]0;title\x07y\x1b[2J\n", "xy\n");
    row("a bell goes", "x\ay\n", "xy\n");
    row("a NUL goes", "x\x01y\n", "xy\n");
}

void TestTerminalText::resolves()
{
    QFETCH(QString, printed);
    QFETCH(QString, resolved);
    QFETCH(QString, readable);
    QCOMPARE(QString::fromStdString(resolvedText(printed.toStdString())), resolved);
    QCOMPARE(readableText(printed.toStdString()), readable);
    // What is resolved stays as it is.
    QCOMPARE(QString::fromStdString(resolvedText(resolved.toStdString())), resolved);
}

void TestTerminalText::pieces_data()
{
    resolves_data();
}

/// The same whatever the borders: inside a character, a sequence or a line end.
void TestTerminalText::pieces()
{
    QFETCH(QString, printed);
    const std::string all = printed.toStdString();
    TerminalText whole;
    whole.feed(all);
    for (std::size_t border = 0; border <= all.size(); ++border) {
        TerminalText terminal;
        terminal.feed(std::string_view(all).substr(0, border));
        terminal.feed(std::string_view(all).substr(border));
        QCOMPARE(terminal.text(), whole.text());
    }
    TerminalText single;
    for (const char byte : all)
        single.feed({&byte, 1});
    QCOMPARE(single.text(), whole.text());
}

void TestTerminalText::whatIsBehindTheWidthIsNotKept()
{
    TerminalText terminal(4);
    for (int i = 0; i < 1'000; ++i)
        terminal.feed("\r123456\rab");
    QCOMPARE(terminal.text(), std::string("ab34"));
    QVERIFY(terminal.isCut());
    TerminalText fits(4);
    fits.feed("1234\b\b");
    QVERIFY(!fits.isCut());
}

/// Quadratic time would let this run for minutes, and a cell for each column of the way would take
/// gigabytes.
void TestTerminalText::takesTimeInProportion()
{
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += "\x1b[38;2;" + std::to_string(i / 400) + ";" + std::to_string(i % 256) +
                ";7mx\x1b[999C";
    const std::string resolved = resolvedText(text);
    QVERIFY(resolved.size() > 100'000);
    const std::string marks = "e" + std::string(200'000, '\b') + "x\r" + [] {
        std::string many;
        for (int i = 0; i < 200'000; ++i)
            many += "\u0301";
        return many;
    }();
    QCOMPARE(resolvedText(marks).size(), std::size_t(2 * 200'000));
}

QTEST_GUILESS_MAIN(TestTerminalText)
#include "tst_terminaltext.moc"
