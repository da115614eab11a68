#pragma once

#include <QList>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

/// How escape sequences for colours (ECMA-48's SGR) change a text's look. Pure. Thread: any.
namespace celldeck {

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

/// As the sequence with these numbers says: `ESC [ 31 ; 1 m` has 31 and 1.
void applyGraphics(AnsiStyle &style, const QList<int> &codes);

/// The sequence that sets this style, whatever was set before.
[[nodiscard]] std::string sequenceOf(const AnsiStyle &style);

/// Another one for each style.
[[nodiscard]] std::uint64_t keyOf(const AnsiStyle &style);

}  // namespace celldeck
