#pragma once

#include <QColor>
#include <QFont>
#include <QIcon>
#include <QPalette>

#include "base/terminaltext.h"
#include "storage/taskrecord.h"

class QApplication;

/// The console's colours and icons, readable on a light and on a dark ground. What is asked for a
/// palette follows it; who keeps a colour listens to a ThemeWatch. Thread: GUI.
namespace celldeck::ui {

enum class ThemeChoice { System, Light, Dark };

/// Sets style and palette of the whole application. System: as dark as the palette that the
/// application started with.
void applyTheme(QApplication &application, ThemeChoice choice);

[[nodiscard]] QString toText(ThemeChoice choice);  ///< "system", "light", "dark": for settings.
[[nodiscard]] ThemeChoice themeFromText(const QString &text);

[[nodiscard]] bool isDark(const QPalette &palette);
[[nodiscard]] QColor stateColour(storage::TaskState state, const QPalette &palette);
[[nodiscard]] QColor attentionColour(const QPalette &palette);  ///< a person is waited for
[[nodiscard]] QColor warningColour(const QPalette &palette);
[[nodiscard]] QColor mutedColour(const QPalette &palette);     ///< For captions: 4.5:1 or better.
[[nodiscard]] QColor hairlineColour(const QPalette &palette);  ///< For borders.
[[nodiscard]] QColor tint(const QColor &colour, const QPalette &palette);  ///< As a ground.
[[nodiscard]] QColor ansiColour(const AnsiColour &colour, const QPalette &palette);
[[nodiscard]] QColor ansiGround(const AnsiColour &colour, const QPalette &palette);
/// The colour, or one like it that stands out from that ground.
[[nodiscard]] QColor legible(const QColor &colour, const QColor &ground);
[[nodiscard]] QFont codeFont();

/// resources/icons/<name>.svg in the text colour of the moment.
[[nodiscard]] QIcon themedIcon(const QString &name);
[[nodiscard]] QIcon themedIcon(const QString &name, const QColor &colour);
[[nodiscard]] QString iconNameOf(storage::TaskState state);
[[nodiscard]] QIcon applicationIcon();

}  // namespace celldeck::ui
