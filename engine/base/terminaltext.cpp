#include "base/terminaltext.h"

#include <QList>
#include <algorithm>

#include "base/json.h"

namespace celldeck {
namespace {

constexpr char32_t Escape = 0x1b;

/// A cursor that a text sends far away must not cost memory for the way.
constexpr int WidestJump = 1000;

/// What is behind it names a cluster: Unicode has no more characters.
constexpr char32_t LastCharacter = 0x10ffff;
constexpr char32_t Joiner = 0x200d;

/// Stands on the character before it.
bool isMark(char32_t character)
{
    if (character < 0x300)
        return false;
    const QChar::Category category = QChar::category(character);
    return category == QChar::Mark_NonSpacing || category == QChar::Mark_Enclosing ||
           character == Joiner;
}

/// Of a sequence for colours that begins there, its length; 0 if it is another one.
std::size_t graphicsLength(std::string_view text)
{
    if (text.size() < 3 || text[1] != '[')
        return 0;
    const std::size_t end = text.find_first_not_of("0123456789;:", 2);
    return end != std::string_view::npos && text[end] == 'm' ? end + 1 : 0;
}

/// Whether the text can be read as it is, but for the carriage returns of its line ends.
bool isResolved(std::string_view text)
{
    for (std::size_t at = 0; at < text.size();) {
        const char byte = text[at];
        const auto value = static_cast<unsigned char>(byte);
        std::size_t length = 1;
        if (byte == '\r')
            length = text.substr(at + 1, 1) == "\n" ? 2 : 0;
        else if (byte == '\x1b')
            length = graphicsLength(text.substr(at));
        else if ((value < 0x20 && byte != '\n' && byte != '\t') || value == 0x7f)
            length = 0;
        if (length == 0)
            return false;
        at += length;
    }
    return true;
}

std::string withoutReturns(std::string_view text)
{
    std::string all;
    all.reserve(text.size());
    std::ranges::copy_if(text, std::back_inserter(all), [](char byte) { return byte != '\r'; });
    return all;
}

}  // namespace

void TerminalText::feed(std::string_view utf8)
{
    const QString text = m_decoder(QByteArrayView(utf8.data(), qsizetype(utf8.size())));
    for (const uint character : text.toUcs4())
        step(character);
}

void TerminalText::step(char32_t character)
{
    switch (m_state) {
    case State::Ground:
        return control(character);
    case State::Escape:
        m_state = State::Ground;
        if (character == U'[') {
            m_codes = {0};
            m_state = State::Control;
        } else if (character == U']') {
            m_state = State::String;
        }
        return;
    case State::Control:
        return controlSequence(character);
    case State::String:
        // ESC ] … BEL or ESC \ : window titles and hyperlinks, of which only the text is shown.
        if (character == 0x07)
            m_state = State::Ground;
        else if (character == Escape)
            m_state = State::StringEscape;
        return;
    case State::StringEscape:
        m_state = State::Ground;
        if (character != U'\\')
            control(character);
        return;
    }
}

void TerminalText::control(char32_t character)
{
    switch (character) {
    case U'\n':
        return newLine();
    case U'\r':
        m_column = 0;
        return;
    case U'\b':
        return moveColumn(-1);
    case U'\t':
        m_column += 8 - m_column % 8;
        return;
    case Escape:
        m_state = State::Escape;
        return;
    default:
        if (character >= U' ' && character != 0x7f)
            print(character);
    }
}

void TerminalText::controlSequence(char32_t character)
{
    if (character >= U'0' && character <= U'9') {
        const int digit = static_cast<int>(character - U'0');
        m_codes.last() = std::min(m_codes.last() * 10 + digit, WidestJump);
    } else if (character == U';' || character == U':') {
        m_codes.append(0);
    } else if (character >= 0x40 && character <= 0x7e) {
        m_state = State::Ground;
        command(character);
    } else if (character < 0x20) {
        m_state = State::Ground;  // Broken off: the control character still counts.
        control(character);
    }
}

void TerminalText::command(char32_t name)
{
    const int count = std::max(m_codes.first(), 1);
    switch (name) {
    case U'm':
        return setGraphics();
    case U'K':
        return eraseLine(m_codes.first());
    case U'A':
        return moveRow(-count);
    case U'B':
        return moveRow(count);
    case U'C':
        return moveColumn(count);
    case U'D':
        return moveColumn(-count);
    case U'G':
        m_column = static_cast<std::size_t>(count - 1);
        return;
    default:
        return;  // The rest addresses a screen, and an output has none.
    }
}

void TerminalText::print(char32_t character)
{
    if (join(character))
        return;
    if (m_column >= m_widest) {
        ++m_column;
        m_isCut = true;
        return;
    }
    Row &row = m_rows[m_row];
    if (row.size() <= m_column)
        row.resize(m_column + 1, Cell{U' ', 0});
    row[m_column++] = Cell{character, m_style};
}

/// Whether the character belongs to the one before the cursor: a mark, or what a joiner joins.
bool TerminalText::join(char32_t mark)
{
    Row &row = m_rows[m_row];
    if (m_column == 0 || m_column > row.size())
        return false;
    Cell &before = row[m_column - 1];
    const bool isCluster = before.character > LastCharacter;
    const std::size_t index = isCluster ? before.character - LastCharacter - 1 : 0;
    if (!isMark(mark) && !(isCluster && m_clusters[index].back() == Joiner))
        return false;
    if (isCluster) {
        m_clusters[index].push_back(mark);
        return true;
    }
    m_clusters.push_back({before.character, mark});
    before.character = static_cast<char32_t>(LastCharacter + m_clusters.size());
    return true;
}

void TerminalText::newLine()
{
    m_column = 0;
    if (++m_row == m_rows.size())
        m_rows.emplace_back();
}

void TerminalText::moveColumn(int by)
{
    const auto now = static_cast<std::ptrdiff_t>(m_column);
    // Further than a jump only where something is.
    const auto right = std::max<std::ptrdiff_t>({now, WidestJump, std::ssize(m_rows[m_row])});
    m_column = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(now + by, 0, right));
}

void TerminalText::moveRow(int by)
{
    const auto last = std::ssize(m_rows) - 1;
    const auto to = static_cast<std::ptrdiff_t>(m_row) + by;
    m_row = static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(to, 0, last));
}

void TerminalText::eraseLine(int what)
{
    Row &row = m_rows[m_row];
    const std::size_t end = std::min(m_column, row.size());
    if (what == 0)
        row.resize(end);
    else if (what == 1)
        std::fill_n(row.begin(), end, Cell{U' ', 0});
    else
        row.clear();
}

void TerminalText::setGraphics()
{
    AnsiStyle style = m_styles[m_style];
    applyGraphics(style, m_codes);
    m_style = indexOf(style);
}

std::uint32_t TerminalText::indexOf(const AnsiStyle &style)
{
    if (style == AnsiStyle{})
        return 0;
    const auto next = static_cast<std::uint32_t>(m_styles.size());
    const auto [known, isNew] = m_known.try_emplace(keyOf(style), next);
    if (isNew)
        m_styles.push_back(style);
    return known->second;
}

AnsiLine TerminalText::spansOf(const Row &row) const
{
    AnsiLine spans;
    for (std::size_t from = 0; from < row.size();) {
        std::u32string text;
        std::size_t to = from;
        for (; to < row.size() && row[to].style == row[from].style; ++to) {
            const char32_t character = row[to].character;
            if (character > LastCharacter)
                text += m_clusters[character - LastCharacter - 1];
            else
                text.push_back(character);
        }
        spans.push_back({QString::fromStdU32String(text), m_styles[row[from].style]});
        from = to;
    }
    return spans;
}

std::vector<AnsiLine> TerminalText::lines() const
{
    const std::size_t count = m_rows.size() - (m_rows.back().empty() ? 1 : 0);
    std::vector<AnsiLine> lines(count);
    for (std::size_t row = 0; row < count; ++row)
        lines[row] = spansOf(m_rows[row]);
    return lines;
}

std::string TerminalText::text() const
{
    std::string all;
    AnsiStyle style;
    for (std::size_t row = 0; row < m_rows.size(); ++row) {
        if (row > 0)
            all += '\n';
        for (const AnsiSpan &span : spansOf(m_rows[row])) {
            if (span.style != style)
                all += sequenceOf(style = span.style);
            all += span.text.toStdString();
        }
        if (style != AnsiStyle{})
            all += sequenceOf(style = {});  // Each line stands for itself: it may be cut out.
    }
    return all;
}

std::vector<AnsiLine> parseAnsi(QStringView text)
{
    const QByteArray utf8 = text.toUtf8();
    TerminalText terminal;
    terminal.feed({utf8.constData(), static_cast<std::size_t>(utf8.size())});
    return terminal.lines();
}

QString plainText(const AnsiLine &line)
{
    QString text;
    for (const AnsiSpan &span : line)
        text += span.text;
    return text;
}

std::string resolvedText(std::string_view printed)
{
    if (isResolved(printed))
        return withoutReturns(printed);
    TerminalText terminal;
    terminal.feed(printed);
    return terminal.text();
}

QString readableText(std::string_view printed)
{
    std::string text = resolvedText(printed);
    std::string plain;
    plain.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length =
            text[at] == '\x1b' ? graphicsLength({&text[at], text.size() - at}) : 0;
        if (length == 0)
            plain += text[at];
        at += std::max<std::size_t>(length, 1);
    }
    return textFromUtf8(plain);
}

}  // namespace celldeck
