#pragma once

#include <QString>
#include <QStringDecoder>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ansistyle.h"

/// What a terminal would show of a text with control characters and escape sequences (ECMA-48):
/// the one place where "what was printed" becomes "what is to be read". Pure. Thread: any.
namespace celldeck {

struct AnsiSpan
{
    QString text;
    AnsiStyle style;

    bool operator==(const AnsiSpan &) const = default;
};

using AnsiLine = std::vector<AnsiSpan>;

/// The screen as far as a notebook's output needs one: lines that grow, and a cursor. A carriage
/// return goes back to the line's start and what follows overwrites it, as progress bars expect; so
/// do backspace, the cursor's moves and the erasing of a line. A character and the marks on it are
/// one. May be fed in pieces that end anywhere, also inside a character or a sequence. Takes time
/// and memory in proportion to the text.
class TerminalText final
{
public:
    static constexpr std::size_t Unlimited = std::numeric_limits<std::size_t>::max();

    /// What is printed behind so many columns is not kept.
    explicit TerminalText(std::size_t widest = Unlimited) : m_widest(widest) {}

    void feed(std::string_view utf8);

    /// The lines as they stand. A newline at the very end opens no further line.
    [[nodiscard]] std::vector<AnsiLine> lines() const;
    /// The same as text, with sequences for colours and nothing else.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::size_t lineCount() const { return m_rows.size(); }
    /// Whether something was not kept.
    [[nodiscard]] bool isCut() const { return m_isCut; }

private:
    enum class State { Ground, Escape, Control, String, StringEscape };

    struct Cell
    {
        char32_t character;   // behind LastCharacter: an index into m_clusters
        std::uint32_t style;  // index into m_styles
    };
    using Row = std::vector<Cell>;

    void step(char32_t character);
    void control(char32_t character);
    void controlSequence(char32_t character);
    void command(char32_t name);
    void print(char32_t character);
    [[nodiscard]] bool join(char32_t mark);
    void newLine();
    void moveColumn(int by);
    void moveRow(int by);
    void eraseLine(int what);
    void setGraphics();
    [[nodiscard]] std::uint32_t indexOf(const AnsiStyle &style);
    [[nodiscard]] AnsiLine spansOf(const Row &row) const;

    std::size_t m_widest;
    // Keeps the beginning of a character, and a mark with which a text may begin.
    QStringDecoder m_decoder{QStringDecoder::Utf8, QStringDecoder::Flag::ConvertInitialBom};
    State m_state = State::Ground;
    QList<int> m_codes;
    std::vector<Row> m_rows{1};
    std::vector<AnsiStyle> m_styles{AnsiStyle{}};
    std::unordered_map<std::uint64_t, std::uint32_t> m_known;  // of m_styles
    std::vector<std::u32string> m_clusters;
    std::size_t m_row = 0;
    std::size_t m_column = 0;
    std::uint32_t m_style = 0;
    bool m_isCut = false;
};

[[nodiscard]] std::vector<AnsiLine> parseAnsi(QStringView text);

/// The text of a line without its styles.
[[nodiscard]] QString plainText(const AnsiLine &line);

/// What is to be read of what was printed: carriage returns, backspaces and moves are resolved,
/// colours stay, other sequences go. A text without such comes back as it is, whatever its size.
[[nodiscard]] std::string resolvedText(std::string_view printed);
/// As that, without colours.
[[nodiscard]] QString readableText(std::string_view printed);

}  // namespace celldeck
