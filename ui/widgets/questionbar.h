#pragma once

#include <QFrame>

class QLabel;
class QLineEdit;
class QScrollArea;

namespace celldeck::ui {

/// What a cell that runs asks for, and a line for the answer: hidden while nothing is asked. The
/// line shows no password, and takes the focus only from whoever gives it: somebody may be typing
/// elsewhere. Of a long prompt the end is seen, and the rest scrolls. Owner: its panel. Thread:
/// GUI.
class QuestionBar final : public QFrame
{
    Q_OBJECT

public:
    explicit QuestionBar(QWidget *parent = nullptr);

    enum class Echo { Shown, Hidden };
    void ask(const QString &prompt, Echo echo);
    /// Perhaps it has asked for something that nobody has heard.
    void offer();
    /// Nobody waits for an answer any more; what was typed goes.
    void dismiss();

Q_SIGNALS:
    void answered(const QString &text);

protected:
    void resizeEvent(QResizeEvent *event) override;

private:
    void fitPrompt();
    void open(const QString &prompt, Echo echo);
    void answer();
    void takeColours();

    QLabel *m_prompt;
    QScrollArea *m_promptArea;
    QLineEdit *m_line;
};

}  // namespace celldeck::ui
