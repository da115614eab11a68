#include "ui/widgets/endpointlabel.h"

#include <QClipboard>
#include <QGuiApplication>

#include "ui/theme.h"
#include "ui/themewatch.h"

namespace celldeck::ui {

EndpointLabel::EndpointLabel(QWidget *parent) : QToolButton(parent)
{
    setAutoRaise(true);
    setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    setFocusPolicy(Qt::TabFocus);
    setIconSize(QSize(16, 16));
    connect(this, &QToolButton::clicked, this, &EndpointLabel::copy);
    connect(new ThemeWatch(this), &ThemeWatch::themeChanged, this, &EndpointLabel::takeColours);
    setStatus({});
}

void EndpointLabel::setStatus(const EndpointStatus &status)
{
    m_status = status;
    if (status.listening) {
        setText(status.url);
        setToolTip(tr("MCP clients connect here. Click to copy the address."));
    } else if (!status.error.isEmpty()) {
        setText(tr("Not listening: %1").arg(status.error));
        setToolTip(text());
    } else {
        setText(tr("The endpoint is not open yet"));
        setToolTip(QString());
    }
    setAccessibleName(tr("Endpoint: %1").arg(text()));
    setAccessibleDescription(toolTip());
    takeColours();
}

void EndpointLabel::copy()
{
    if (!m_status.listening)
        return;
    QGuiApplication::clipboard()->setText(m_status.url);
    Q_EMIT addressCopied(m_status.url);
}

void EndpointLabel::takeColours()
{
    const QPalette general = QGuiApplication::palette();
    const bool failed = !m_status.listening && !m_status.error.isEmpty();
    const QColor text = failed ? warningColour(general) : general.color(QPalette::WindowText);
    QPalette own = general;
    own.setColor(QPalette::ButtonText, text);
    own.setColor(QPalette::WindowText, text);
    setPalette(own);
    const QColor icon = m_status.listening ? stateColour(storage::TaskState::Completed, general)
                                           : (failed ? text : mutedColour(general));
    setIcon(themedIcon(failed ? QStringLiteral("warning") : QStringLiteral("endpoint"), icon));
}

}  // namespace celldeck::ui
