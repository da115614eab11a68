#include <QCoreApplication>
#include <QFile>
#include <QGuiApplication>
#include <QIconEngine>
#include <QPainter>
#include <QPixmapCache>
#include <QSvgRenderer>

#include "ui/theme.h"

// A static library's resources are linked only when they are asked for, outside any namespace.
static void initCelldeckResources()
{
    Q_INIT_RESOURCE(celldeck);
}

namespace celldeck::ui {
namespace {

QString pathOf(const QString &name)
{
    static const bool initialised = (initCelldeckResources(), true);
    Q_UNUSED(initialised)
    return QStringLiteral(":/celldeck/icons/%1.svg").arg(name);
}

/// Draws an icon in one colour at whatever size the screen asks for. Without a colour of its own
/// it takes the palette's of the moment, so that icons follow a change of theme.
class TintedIconEngine final : public QIconEngine
{
public:
    TintedIconEngine(QString name, QColor colour) : m_name(std::move(name)), m_colour(colour) {}

    [[nodiscard]] QIconEngine *clone() const override
    {
        return new TintedIconEngine(m_name, m_colour);
    }

    void paint(QPainter *painter, const QRect &rect, QIcon::Mode mode, QIcon::State state) override
    {
        const double ratio = painter->device()->devicePixelRatioF();
        QPixmap pixmap = scaledPixmap(rect.size() * ratio, mode, state, ratio);
        pixmap.setDevicePixelRatio(ratio);
        painter->drawPixmap(rect, pixmap);
    }

    QPixmap pixmap(const QSize &size, QIcon::Mode mode, QIcon::State state) override
    {
        return scaledPixmap(size, mode, state, 1);
    }

    QPixmap scaledPixmap(const QSize &size, QIcon::Mode mode, QIcon::State, qreal) override
    {
        const QColor colour = colourFor(mode);
        const QString key = QStringLiteral("celldeck/%1/%2x%3/%4")
                                .arg(m_name)
                                .arg(size.width())
                                .arg(size.height())
                                .arg(colour.rgba());
        QPixmap pixmap;
        if (QPixmapCache::find(key, &pixmap))
            return pixmap;
        pixmap = QPixmap(size);
        pixmap.fill(Qt::transparent);
        QSvgRenderer renderer(pathOf(m_name));
        renderer.setAspectRatioMode(Qt::KeepAspectRatio);
        QPainter painter(&pixmap);
        renderer.render(&painter, QRectF(QPointF(), size));
        painter.setCompositionMode(QPainter::CompositionMode_SourceIn);
        painter.fillRect(pixmap.rect(), colour);
        painter.end();
        QPixmapCache::insert(key, pixmap);
        return pixmap;
    }

private:
    [[nodiscard]] QColor colourFor(QIcon::Mode mode) const
    {
        const QPalette palette = QGuiApplication::palette();
        if (mode == QIcon::Disabled)
            return palette.color(QPalette::Disabled, QPalette::ButtonText);
        if (m_colour.isValid())
            return m_colour;
        if (mode == QIcon::Selected)
            return palette.color(QPalette::HighlightedText);
        return palette.color(QPalette::ButtonText);
    }

    QString m_name;
    QColor m_colour;
};

}  // namespace

QIcon themedIcon(const QString &name)
{
    return themedIcon(name, QColor());
}

QIcon themedIcon(const QString &name, const QColor &colour)
{
    return QIcon(new TintedIconEngine(name, colour));
}

QString iconNameOf(storage::TaskState state)
{
    return storage::toText(state);
}

QIcon applicationIcon()
{
    return QIcon(pathOf(QStringLiteral("celldeck")));
}

}  // namespace celldeck::ui
