#include "ui/layoutstore.h"

#include <QMainWindow>
#include <QSettings>

namespace celldeck::ui {
namespace {

constexpr QLatin1String VersionKey("layout/version");
constexpr QLatin1String GeometryKey("layout/geometry");
constexpr QLatin1String DocksKey("layout/docks");
constexpr QLatin1String ColumnsKey("layout/columns");

}  // namespace

void LayoutStore::save(const QMainWindow &window, const QByteArray &columns)
{
    if (!m_settings)
        return;
    m_settings->setValue(VersionKey, Version);
    m_settings->setValue(GeometryKey, window.saveGeometry());
    m_settings->setValue(DocksKey, window.saveState(Version));
    m_settings->setValue(ColumnsKey, columns);
}

bool LayoutStore::restore(QMainWindow &window) const
{
    return window.restoreGeometry(value(GeometryKey)) && restoreDocks(window);
}

bool LayoutStore::restoreDocks(QMainWindow &window) const
{
    return window.restoreState(value(DocksKey), Version);
}

QByteArray LayoutStore::columns() const
{
    return value(ColumnsKey);
}

QByteArray LayoutStore::value(const QString &key) const
{
    if (!m_settings || m_settings->value(VersionKey).toInt() != Version)
        return {};
    return m_settings->value(key).toByteArray();
}

}  // namespace celldeck::ui
