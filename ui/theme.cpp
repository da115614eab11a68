#include "ui/theme.h"

#include <QApplication>
#include <QFontDatabase>
#include <QStyleFactory>
#include <array>
#include <cmath>

namespace celldeck::ui {
namespace {

struct Tokens
{
    QRgb window, base, alternate, button, text, muted, disabled, line, accent;
};

constexpr Tokens LightTokens{0xfff4f5f7, 0xffffffff, 0xfff9fafb, 0xffffffff, 0xff1c2330,
                             0xff5d6675, 0xffa3abb8, 0xffdde1e7, 0xff3b6fe0};
constexpr Tokens DarkTokens{0xff1b1e24, 0xff14171c, 0xff181b21, 0xff262a32, 0xffe3e7ee,
                            0xff98a2b3, 0xff5c6573, 0xff31363f, 0xff4f83f1};

QPalette paletteOf(const Tokens &tokens)
{
    QPalette palette;
    const QColor text(tokens.text);
    palette.setColor(QPalette::Window, tokens.window);
    palette.setColor(QPalette::Base, tokens.base);
    palette.setColor(QPalette::AlternateBase, tokens.alternate);
    palette.setColor(QPalette::Button, tokens.button);
    palette.setColor(QPalette::ToolTipBase, tokens.button);
    palette.setColor(QPalette::Highlight, tokens.accent);
    palette.setColor(QPalette::Link, tokens.accent);
    palette.setColor(QPalette::HighlightedText, Qt::white);
    palette.setColor(QPalette::PlaceholderText, tokens.muted);
    palette.setColor(QPalette::Mid, tokens.line);
    palette.setColor(QPalette::Midlight, tokens.line);
    palette.setColor(QPalette::Light, tokens.button);
    palette.setColor(QPalette::Dark, QColor(tokens.line).darker(120));
    palette.setColor(QPalette::Shadow, QColor(tokens.line).darker(160));
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText,
                            QPalette::ToolTipText, QPalette::BrightText}) {
        palette.setColor(role, text);
        palette.setColor(QPalette::Disabled, role, tokens.disabled);
    }
    return palette;
}

/// Only what a palette cannot say: the space around things, and flat frames.
QString styleSheetOf(const Tokens &tokens)
{
    const auto name = [](QRgb rgb) { return QColor(rgb).name(); };
    return QStringLiteral(
               "QToolBar { border: 0; border-bottom: 1px solid %1; padding: 4px 8px; spacing: 4px; "
               "}"
               "QToolBar QToolButton { padding: 4px 10px; border: 1px solid transparent;"
               "  border-radius: 6px; }"
               "QToolBar QToolButton:hover { background: %2; border-color: %1; }"
               "QToolBar QToolButton:pressed { background: %1; }"
               "QStatusBar { border-top: 1px solid %1; } QStatusBar::item { border: 0; }"
               "QDockWidget::title { padding: 7px 10px; text-align: left; background: %3; }"
               "QMainWindow::separator { background: %1; width: 1px; height: 1px; }"
               "QHeaderView::section { background: %2; color: %4; border: 0;"
               "  border-bottom: 1px solid %1; padding: 6px 3px; font-weight: normal; }"
               "QToolTip { border: 1px solid %1; padding: 4px; color: %5; background: %2; }"
               "QSplitter::handle { background: %1; }")
        .arg(name(tokens.line), name(tokens.button), name(tokens.window), name(tokens.muted),
             name(tokens.text));
}

QColor mixed(const QColor &a, const QColor &b, double partOfA)
{
    const auto part = [partOfA](int x, int y) {
        return static_cast<int>(x * partOfA + y * (1 - partOfA));
    };
    return {part(a.red(), b.red()), part(a.green(), b.green()), part(a.blue(), b.blue())};
}

}  // namespace

void applyTheme(QApplication &application, ThemeChoice choice)
{
    static const bool systemIsDark = isDark(QApplication::palette());
    const bool dark =
        choice == ThemeChoice::Dark || (choice == ThemeChoice::System && systemIsDark);
    const Tokens &tokens = dark ? DarkTokens : LightTokens;
    QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
    QApplication::setPalette(paletteOf(tokens));
    application.setStyleSheet(styleSheetOf(tokens));
}

QString toText(ThemeChoice choice)
{
    switch (choice) {
    case ThemeChoice::System:
        return QStringLiteral("system");
    case ThemeChoice::Light:
        return QStringLiteral("light");
    case ThemeChoice::Dark:
        return QStringLiteral("dark");
    }
    return {};
}

ThemeChoice themeFromText(const QString &text)
{
    for (const ThemeChoice choice : {ThemeChoice::Light, ThemeChoice::Dark}) {
        if (text == toText(choice))
            return choice;
    }
    return ThemeChoice::System;
}

bool isDark(const QPalette &palette)
{
    return palette.color(QPalette::Window).lightness() <
           palette.color(QPalette::WindowText).lightness();
}

QColor stateColour(storage::TaskState state, const QPalette &palette)
{
    const bool dark = isDark(palette);
    const auto pick = [dark](QRgb onLight, QRgb onDark) { return QColor(dark ? onDark : onLight); };
    switch (state) {
    case storage::TaskState::Pending:
        return pick(0xff667085, 0xff9aa4b5);
    case storage::TaskState::Running:
        return pick(0xff2563d9, 0xff6ea2ff);
    case storage::TaskState::Completed:
        return pick(0xff1b7f4b, 0xff4fc484);
    case storage::TaskState::Failed:
        return pick(0xffc62f35, 0xfff97b7b);
    case storage::TaskState::Cancelled:
        return pick(0xff6b7280, 0xff8b94a3);
    case storage::TaskState::TimedOut:
        return pick(0xffa55a06, 0xfff2ad4e);
    case storage::TaskState::Interrupted:
        return pick(0xff8b3fc4, 0xffc694f5);
    }
    return palette.color(QPalette::Text);
}

QColor attentionColour(const QPalette &palette)
{
    return stateColour(storage::TaskState::TimedOut, palette);
}

QColor warningColour(const QPalette &palette)
{
    return stateColour(storage::TaskState::Failed, palette);
}

QColor mutedColour(const QPalette &palette)
{
    return mixed(palette.color(QPalette::Text), palette.color(QPalette::Base), 0.66);
}

QColor hairlineColour(const QPalette &palette)
{
    return mixed(palette.color(QPalette::Text), palette.color(QPalette::Window), 0.12);
}

QColor tint(const QColor &colour, const QPalette &palette)
{
    return mixed(colour, palette.color(QPalette::Base), isDark(palette) ? 0.16 : 0.08);
}

QColor ansiColour(const AnsiColour &colour, const QPalette &palette)
{
    if (const auto *rgb = std::get_if<AnsiRgb>(&colour))
        return QColor(static_cast<QRgb>(0xff000000U | rgb->value));
    // xterm's own would vanish: yellow and white on a light ground, blue and black on a dark one.
    static constexpr std::array<QRgb, 16> OnLight{0xff1c2330, 0xffb3261e, 0xff1b7f4b, 0xff8a6100,
                                                  0xff1f5fd0, 0xff96369f, 0xff0f7285, 0xff626a78,
                                                  0xff4a5260, 0xffd0342c, 0xff23935a, 0xffa37400,
                                                  0xff3b78ea, 0xffad49b8, 0xff15869c, 0xff7d8695};
    static constexpr std::array<QRgb, 16> OnDark{0xff6b7484, 0xfff07178, 0xff5fc98c, 0xffe0b252,
                                                 0xff6ea2ff, 0xffd08ae0, 0xff56c2d6, 0xffcfd5df,
                                                 0xff8a93a3, 0xffff8f94, 0xff83e0ab, 0xfff5cc75,
                                                 0xff93bbff, 0xffe3a9f0, 0xff7fdcec, 0xffffffff};
    const auto number = static_cast<std::size_t>(std::get<AnsiIndex>(colour).number);
    return QColor(isDark(palette) ? OnDark.at(number) : OnLight.at(number));
}

QColor ansiGround(const AnsiColour &colour, const QPalette &palette)
{
    const QColor full = ansiColour(colour, palette);
    // Our sixteen are text colours: full strength behind text, they would hide it.
    if (std::holds_alternative<AnsiRgb>(colour))
        return full;
    return mixed(full, palette.color(QPalette::Base), isDark(palette) ? 0.35 : 0.25);
}

QColor legible(const QColor &colour, const QColor &ground)
{
    // As WCAG 2 measures it, of which 4.5 is asked for small text.
    constexpr double Least = 4.5;
    const auto luminance = [](const QColor &of) {
        const auto linear = [](double part) {
            return part <= 0.03928 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4);
        };
        return 0.2126 * linear(of.redF()) + 0.7152 * linear(of.greenF()) +
               0.0722 * linear(of.blueF());
    };
    const double behind = luminance(ground);
    const QColor away = behind < 0.18 ? Qt::white : Qt::black;
    QColor best = colour;
    for (double part = 0.1; part <= 1; part += 0.1) {
        const double front = luminance(best);
        if ((std::max(front, behind) + 0.05) / (std::min(front, behind) + 0.05) >= Least)
            break;
        best = mixed(away, colour, part);
    }
    return best;
}

QFont codeFont()
{
    return QFontDatabase::systemFont(QFontDatabase::FixedFont);
}

}  // namespace celldeck::ui
