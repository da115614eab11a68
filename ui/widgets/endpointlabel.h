#pragma once

#include <QToolButton>

#include "engine/feed.h"

namespace celldeck::ui {

/// Where clients connect. A click copies the address; when nobody listens it is red and says why.
/// Owner: the window. Thread: GUI.
class EndpointLabel final : public QToolButton
{
    Q_OBJECT

public:
    explicit EndpointLabel(QWidget *parent = nullptr);

    void setStatus(const EndpointStatus &status);

Q_SIGNALS:
    void addressCopied(const QString &url);

private:
    void copy();
    void takeColours();

    EndpointStatus m_status;
};

}  // namespace celldeck::ui
