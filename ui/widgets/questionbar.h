#pragma once

#include <QFrame>

class QLabel;
class QLineEdit;

namespace celldeck::ui {

/// What a cell that runs asks for, and a line for the answer: hidden while nothing is asked. The
/// line shows no password. Owner: its panel. Thread: GUI.
class QuestionBar final : public QFrame
{
    Q_OBJECT

public:
    explicit QuestionBar(QWidget *parent = nullptr);

    enum class Echo { Shown, Hidden };
    void ask(const QString &prompt, Echo echo);
    /// Perhaps it has asked for something that nobody has heard. Takes no focus.
    void offer();
    /// Nobody waits for an answer any more; what was typed goes.
    void dismiss();

Q_SIGNALS:
    void answered(const QString &text);

private:
    void open(const QString &prompt, Echo echo);
    void answer();
    void takeColours();

    QLabel *m_prompt;
    QLineEdit *m_line;
};

}  // namespace celldeck::ui
