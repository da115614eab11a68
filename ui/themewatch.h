#pragma once

#include <QObject>

namespace celldeck::ui {

/// Tells when the application has another palette and all widgets have taken it. Qt itself tells
/// windows only, and a child only where its own palette changes with it: one with colours of its
/// own hears nothing. Owner: the widget that listens. Thread: GUI.
class ThemeWatch final : public QObject
{
    Q_OBJECT

public:
    explicit ThemeWatch(QObject *parent);

Q_SIGNALS:
    void themeChanged();

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;
};

}  // namespace celldeck::ui
