#pragma once

#include <QByteArray>
#include <QString>

class QMainWindow;
class QSettings;

namespace celldeck::ui {

/// Keeps how a person arranged the window, from one start to the next. What another version of the
/// console saved is passed over, since its docks may be others. Thread: GUI.
class LayoutStore final
{
public:
    /// Raise it when docks or columns change so that an older layout would not fit.
    static constexpr int Version = 1;

    /// Requires: the settings outlive it. Null: nothing is kept.
    explicit LayoutStore(QSettings *settings) : m_settings(settings) {}

    void save(const QMainWindow &window, const QByteArray &columns);
    /// False where nothing that fits was saved.
    [[nodiscard]] bool restore(QMainWindow &window) const;
    /// The docks alone, for a window that has its size: one that is shown for the first time grows,
    /// and Qt gives the docks what it grows by.
    [[nodiscard]] bool restoreDocks(QMainWindow &window) const;
    [[nodiscard]] QByteArray columns() const;

private:
    [[nodiscard]] QByteArray value(const QString &key) const;

    QSettings *m_settings;
};

}  // namespace celldeck::ui
