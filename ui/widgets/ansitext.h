#pragma once

#include <QString>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

/// What a terminal would show of a text with escape sequences (ECMA-48). Pure. Thread: any.
namespace celldeck::ui {

/// One of the 16 colours that the theme chooses: 0–7 normal, 8–15 bright.
struct AnsiIndex
{
    int number = 0;
    bool operator==(const AnsiIndex &) const = default;
};

/// 0xRRGGBB: from the 256-colour cube or given outright.
struct AnsiRgb
{
    std::uint32_t value = 0;
    bool operator==(const AnsiRgb &) const = default;
};

using AnsiColour = std::variant<AnsiIndex, AnsiRgb>;

struct AnsiStyle
{
    std::optional<AnsiColour> foreground;  ///< Nothing: the theme's text colour.
    std::optional<AnsiColour> background;
    bool bold = false;
    bool faint = false;
    bool italic = false;
    bool underline = false;
    bool inverse = false;

    bool operator==(const AnsiStyle &) const = default;
};

struct AnsiSpan
{
    QString text;
    AnsiStyle style;

    bool operator==(const AnsiSpan &) const = default;
};

using AnsiLine = std::vector<AnsiSpan>;

/// The lines as they stand at the end: a carriage return goes back to the line's start and what
/// follows overwrites it, as progress bars expect; so do backspace, the cursor's moves and the
/// erasing of a line. A newline at the very end opens no further line.
[[nodiscard]] std::vector<AnsiLine> parseAnsi(QStringView text);

/// The text of a line without its styles.
[[nodiscard]] QString plainText(const AnsiLine &line);

}  // namespace celldeck::ui
