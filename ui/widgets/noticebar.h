#pragma once

#include <QFrame>

class QLabel;

namespace celldeck::ui {

/// Tells of something that went wrong, above what a person works on and without stopping it. Stays
/// until it is closed; a later notice takes the place of an earlier one and counts it.
/// Owner: the window. Thread: GUI.
class NoticeBar final : public QFrame
{
    Q_OBJECT

public:
    explicit NoticeBar(QWidget *parent = nullptr);

    void showNotice(const QString &text);
    [[nodiscard]] QString text() const;

private:
    void dismiss();
    void takeColours();

    QLabel *m_icon;
    QLabel *m_text;
    QLabel *m_earlier;
    int m_earlierCount = 0;
};

}  // namespace celldeck::ui
