#include "ui/widgets/noticebar.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>

#include "ui/theme.h"
#include "ui/themewatch.h"

namespace celldeck::ui {

NoticeBar::NoticeBar(QWidget *parent)
    : QFrame(parent),
      m_icon(new QLabel(this)),
      m_text(new QLabel(this)),
      m_earlier(new QLabel(this))
{
    setAutoFillBackground(true);
    setAccessibleName(tr("Notice"));
    m_text->setWordWrap(true);
    m_text->setTextFormat(Qt::PlainText);  // It may quote what a client sent.
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto *close = new QToolButton(this);
    close->setIcon(themedIcon(QStringLiteral("clear")));
    close->setAutoRaise(true);
    close->setToolTip(tr("Close this notice"));
    close->setAccessibleName(close->toolTip());
    connect(close, &QToolButton::clicked, this, &NoticeBar::dismiss);
    connect(new ThemeWatch(this), &ThemeWatch::themeChanged, this, &NoticeBar::takeColours);
    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(12, 6, 8, 6);
    row->setSpacing(10);
    row->addWidget(m_icon);
    row->addWidget(m_text, 1);
    row->addWidget(m_earlier);
    row->addWidget(close);
    takeColours();
    hide();
}

void NoticeBar::showNotice(const QString &text)
{
    m_earlierCount = isHidden() ? 0 : m_earlierCount + 1;
    m_text->setText(text);
    m_earlier->setVisible(m_earlierCount > 0);
    m_earlier->setText(tr("%1 earlier").arg(m_earlierCount));
    setAccessibleDescription(text);
    show();
}

QString NoticeBar::text() const
{
    return m_text->text();
}

void NoticeBar::dismiss()
{
    hide();
}

void NoticeBar::takeColours()
{
    const QPalette general = parentWidget() ? parentWidget()->palette() : palette();
    const QColor colour = warningColour(general);
    QPalette own = general;
    own.setColor(QPalette::Window, tint(colour, general));
    setPalette(own);
    QPalette quiet = own;
    quiet.setColor(QPalette::WindowText, mutedColour(general));
    m_earlier->setPalette(quiet);
    m_icon->setPixmap(themedIcon(QStringLiteral("warning"), colour).pixmap(18, 18));
}

}  // namespace celldeck::ui
