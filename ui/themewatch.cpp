#include "ui/themewatch.h"

#include <QCoreApplication>
#include <QEvent>

namespace celldeck::ui {

ThemeWatch::ThemeWatch(QObject *parent) : QObject(parent)
{
    qApp->installEventFilter(this);
}

bool ThemeWatch::eventFilter(QObject *watched, QEvent *event)
{
    // Queued: the application hears of it first, and a style sheet may follow.
    if (watched == qApp && event->type() == QEvent::ApplicationPaletteChange)
        QMetaObject::invokeMethod(this, &ThemeWatch::themeChanged, Qt::QueuedConnection);
    return false;
}

}  // namespace celldeck::ui
