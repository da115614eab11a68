#include "ui/widgets/ansitext.h"

#include <QList>
#include <algorithm>
#include <array>

namespace celldeck::ui {
namespace {

constexpr char32_t Escape = 0x1b;

/// A cursor that a text sends far away must not cost memory for the way.
constexpr int WidestJump = 1000;

AnsiColour colourOf256(int number)
{
    if (number < 16)
        return AnsiIndex{number};
    const auto shade = [](int step) { return static_cast<std::uint32_t>(step); };
    if (number >= 232) {  // xterm's grey ramp: 8, 18, …, 238.
        const std::uint32_t grey = shade(8 + 10 * (number - 232));
        return AnsiRgb{grey << 16 | grey << 8 | grey};
    }
    // xterm's cube of 6×6×6.
    constexpr std::array<std::uint32_t, 6> Steps{0, 95, 135, 175, 215, 255};
    const auto cube = static_cast<std::size_t>(number - 16);
    return AnsiRgb{Steps[cube / 36] << 16 | Steps[cube / 6 % 6] << 8 | Steps[cube % 6]};
}

/// Reads what follows 38 or 48: `5;n` or `2;r;g;b`. Moves `at` behind it.
std::optional<AnsiColour> extendedColour(const QList<int> &codes, qsizetype &at)
{
    const auto code = [&codes](qsizetype i) { return std::clamp(codes.value(i), 0, 255); };
    const int kind = codes.value(at + 1);
    if (kind == 5 && at + 2 < codes.size()) {
        at += 2;
        return colourOf256(code(at));
    }
    if (kind == 2 && at + 4 < codes.size()) {
        at += 4;
        const int rgb = code(at - 2) << 16 | code(at - 1) << 8 | code(at);
        return AnsiRgb{static_cast<std::uint32_t>(rgb)};
    }
    at = codes.size();  // Cut short: what the rest means is not known.
    return std::nullopt;
}

bool applyColour(AnsiStyle &style, int code)
{
    if (code >= 30 && code <= 37)
        style.foreground = AnsiIndex{code - 30};
    else if (code >= 90 && code <= 97)
        style.foreground = AnsiIndex{code - 90 + 8};
    else if (code >= 40 && code <= 47)
        style.background = AnsiIndex{code - 40};
    else if (code >= 100 && code <= 107)
        style.background = AnsiIndex{code - 100 + 8};
    else if (code == 39)
        style.foreground.reset();
    else if (code == 49)
        style.background.reset();
    else
        return false;
    return true;
}

void applyAttribute(AnsiStyle &style, int code)
{
    switch (code) {
    case 0:
        style = {};
        break;
    case 1:
        style.bold = true;
        break;
    case 2:
        style.faint = true;
        break;
    case 3:
        style.italic = true;
        break;
    case 4:
        style.underline = true;
        break;
    case 7:
        style.inverse = true;
        break;
    case 22:
        style.bold = style.faint = false;
        break;
    case 23:
        style.italic = false;
        break;
    case 24:
        style.underline = false;
        break;
    case 27:
        style.inverse = false;
        break;
    default:
        break;  // Blinking, fonts and the like: nothing to show.
    }
}

/// The screen as far as a notebook's output needs one: lines that grow, and a cursor.
class Screen
{
public:
    void print(char32_t character)
    {
        std::vector<Cell> &line = m_lines[m_row];
        if (line.size() <= m_column)
            line.resize(m_column + 1, Cell{U' ', 0});
        line[m_column++] = Cell{character, m_style};
    }

    void newLine()
    {
        m_column = 0;
        if (++m_row == m_lines.size())
            m_lines.emplace_back();
    }

    void carriageReturn() { m_column = 0; }

    void tab() { m_column += 8 - m_column % 8; }

    void moveColumn(int by)
    {
        const auto to = static_cast<std::ptrdiff_t>(m_column) + by;
        m_column = static_cast<std::size_t>(std::max<std::ptrdiff_t>(to, 0));
    }

    void setColumn(int column) { m_column = static_cast<std::size_t>(std::max(column, 0)); }

    void moveRow(int by)
    {
        const auto last = static_cast<std::ptrdiff_t>(m_lines.size()) - 1;
        const auto to = static_cast<std::ptrdiff_t>(m_row) + by;
        m_row = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(to, 0, last));
    }

    void eraseLine(int what)
    {
        std::vector<Cell> &line = m_lines[m_row];
        const std::size_t end = std::min(m_column, line.size());
        if (what == 0)
            line.resize(end);
        else if (what == 1)
            std::fill_n(line.begin(), end, Cell{U' ', 0});
        else
            line.clear();
    }

    void setGraphics(const QList<int> &codes)
    {
        AnsiStyle style = m_styles[m_style];
        for (qsizetype i = 0; i < codes.size(); ++i) {
            const int code = codes.at(i);
            if (code == 38)
                style.foreground = extendedColour(codes, i);
            else if (code == 48)
                style.background = extendedColour(codes, i);
            else if (!applyColour(style, code))
                applyAttribute(style, code);
        }
        const auto known = std::ranges::find(m_styles, style);
        m_style = static_cast<std::size_t>(known - m_styles.begin());
        if (known == m_styles.end())
            m_styles.push_back(style);
    }

    [[nodiscard]] std::vector<AnsiLine> lines() const
    {
        std::size_t count = m_lines.size();
        if (m_lines.back().empty())
            --count;
        std::vector<AnsiLine> lines(count);
        for (std::size_t row = 0; row < count; ++row)
            lines[row] = spansOf(m_lines[row]);
        return lines;
    }

private:
    struct Cell
    {
        char32_t character;
        std::size_t style;
    };

    [[nodiscard]] AnsiLine spansOf(const std::vector<Cell> &line) const
    {
        AnsiLine spans;
        for (std::size_t from = 0; from < line.size();) {
            std::u32string text;
            std::size_t to = from;
            for (; to < line.size() && line[to].style == line[from].style; ++to)
                text.push_back(line[to].character);
            spans.push_back({QString::fromStdU32String(text), m_styles[line[from].style]});
            from = to;
        }
        return spans;
    }

    std::vector<std::vector<Cell>> m_lines{1};
    std::vector<AnsiStyle> m_styles{AnsiStyle{}};
    std::size_t m_row = 0;
    std::size_t m_column = 0;
    std::size_t m_style = 0;
};

class Parser
{
public:
    explicit Parser(QStringView text) : m_text(text.toUcs4()) {}

    [[nodiscard]] std::vector<AnsiLine> run()
    {
        while (m_at < m_text.size())
            step();
        return m_screen.lines();
    }

private:
    [[nodiscard]] char32_t take() { return m_at < m_text.size() ? m_text.at(m_at++) : 0; }

    void step()
    {
        const char32_t character = take();
        switch (character) {
        case U'\n':
            return m_screen.newLine();
        case U'\r':
            return m_screen.carriageReturn();
        case U'\b':
            return m_screen.moveColumn(-1);
        case U'\t':
            return m_screen.tab();
        case Escape:
            return escape();
        default:
            if (character >= U' ' && character != 0x7f)
                m_screen.print(character);
        }
    }

    void escape()
    {
        const char32_t kind = take();
        if (kind == U'[')
            controlSequence();
        else if (kind == U']')
            skipString();
    }

    /// ESC ] … BEL or ESC \ : window titles and hyperlinks, of which only the text is shown.
    void skipString()
    {
        while (m_at < m_text.size()) {
            const char32_t character = take();
            if (character == 0x07)
                return;
            if (character == Escape) {
                if (m_at < m_text.size() && m_text.at(m_at) == U'\\')
                    ++m_at;
                return;
            }
        }
    }

    void controlSequence()
    {
        QList<int> codes{0};
        while (m_at < m_text.size()) {
            const char32_t character = take();
            if (character >= U'0' && character <= U'9') {
                const int digit = static_cast<int>(character - U'0');
                codes.last() = std::min(codes.last() * 10 + digit, WidestJump);
            } else if (character == U';' || character == U':') {
                codes.append(0);
            } else if (character >= 0x40 && character <= 0x7e) {
                return command(character, codes);
            } else if (character < 0x20) {
                --m_at;  // Broken off: the control character still counts.
                return;
            }
        }
    }

    void command(char32_t name, const QList<int> &codes)
    {
        const int count = std::max(codes.first(), 1);
        switch (name) {
        case U'm':
            return m_screen.setGraphics(codes);
        case U'K':
            return m_screen.eraseLine(codes.first());
        case U'A':
            return m_screen.moveRow(-count);
        case U'B':
            return m_screen.moveRow(count);
        case U'C':
            return m_screen.moveColumn(count);
        case U'D':
            return m_screen.moveColumn(-count);
        case U'G':
            return m_screen.setColumn(count - 1);
        default:
            return;  // The rest addresses a screen, and an output has none.
        }
    }

    QList<uint> m_text;
    qsizetype m_at = 0;
    Screen m_screen;
};

}  // namespace

std::vector<AnsiLine> parseAnsi(QStringView text)
{
    return Parser(text).run();
}

QString plainText(const AnsiLine &line)
{
    QString text;
    for (const AnsiSpan &span : line)
        text += span.text;
    return text;
}

}  // namespace celldeck::ui
