#pragma once

#include <QMenu>

class QSettings;

namespace celldeck::ui {

/// Light, dark, or as the system: applied at once, and kept in the settings.
/// Owner: its parent. Thread: GUI.
class ThemeMenu final : public QMenu
{
    Q_OBJECT

public:
    /// `settings` may be null: then nothing is kept. Requires: else they outlive it.
    explicit ThemeMenu(QSettings *settings, QWidget *parent = nullptr);
};

}  // namespace celldeck::ui
