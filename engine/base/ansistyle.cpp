#include "base/ansistyle.h"

#include <algorithm>
#include <array>

namespace celldeck {

namespace {

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

void appendColour(std::string &sequence, const AnsiColour &colour, int normal)
{
    sequence += ';';
    if (const auto *index = std::get_if<AnsiIndex>(&colour)) {
        // Bright ones are 60 behind the normal ones.
        const int number = index->number;
        sequence += std::to_string(number < 8 ? normal + number : normal + 60 + number - 8);
        return;
    }
    const std::uint32_t rgb = std::get<AnsiRgb>(colour).value;
    sequence += std::to_string(normal + 8) + ";2;" + std::to_string(rgb >> 16U) + ';' +
                std::to_string(rgb >> 8U & 0xffU) + ';' + std::to_string(rgb & 0xffU);
}

}  // namespace

void applyGraphics(AnsiStyle &style, const QList<int> &codes)
{
    for (qsizetype i = 0; i < codes.size(); ++i) {
        const int code = codes.at(i);
        if (code == 38)
            style.foreground = extendedColour(codes, i);
        else if (code == 48)
            style.background = extendedColour(codes, i);
        else if (!applyColour(style, code))
            applyAttribute(style, code);
    }
}

std::string sequenceOf(const AnsiStyle &style)
{
    std::string sequence = "\x1b[0";
    if (style.bold)
        sequence += ";1";
    if (style.faint)
        sequence += ";2";
    if (style.italic)
        sequence += ";3";
    if (style.underline)
        sequence += ";4";
    if (style.inverse)
        sequence += ";7";
    if (style.foreground)
        appendColour(sequence, *style.foreground, 30);
    if (style.background)
        appendColour(sequence, *style.background, 40);
    return sequence + 'm';
}

// No more than 27 bits a colour and five for the rest.
std::uint64_t keyOf(const AnsiStyle &style)
{
    const auto colour = [](const std::optional<AnsiColour> &of) -> std::uint64_t {
        if (!of)
            return 0;
        if (const auto *index = std::get_if<AnsiIndex>(&*of))
            return 1U << 24U | static_cast<std::uint64_t>(index->number);
        return 2U << 24U | std::get<AnsiRgb>(*of).value;
    };
    const unsigned flags = (style.bold ? 1U : 0U) | (style.faint ? 2U : 0U) |
                           (style.italic ? 4U : 0U) | (style.underline ? 8U : 0U) |
                           (style.inverse ? 16U : 0U);
    return colour(style.foreground) << 32U | colour(style.background) << 5U | flags;
}

}  // namespace celldeck
