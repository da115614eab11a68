#include "ui/widgets/questionbar.h"

#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>

#include "ui/theme.h"
#include "ui/themewatch.h"
#include "ui/widgets/outputparts.h"

namespace celldeck::ui {

namespace {

constexpr int MostPromptLines = 8;

/// As a terminal shows it, but for its colours.
QString readable(const QString &prompt)
{
    QString words = plainText({{.text = prompt}});
    words.chop(1);  // the end of its last line
    return words;
}

}  // namespace

QuestionBar::QuestionBar(QWidget *parent)
    : QFrame(parent),
      m_prompt(new QLabel(this)),
      m_promptArea(new QScrollArea(this)),
      m_line(new QLineEdit(this))
{
    setAutoFillBackground(true);
    m_prompt->setTextFormat(Qt::PlainText);  // A cell wrote it.
    m_prompt->setWordWrap(true);
    m_prompt->setBuddy(m_line);
    m_prompt->setAlignment(Qt::AlignTop);
    m_promptArea->setWidget(m_prompt);
    m_promptArea->setWidgetResizable(true);
    m_promptArea->setFrameShape(QFrame::NoFrame);
    m_promptArea->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_promptArea->viewport()->setAutoFillBackground(false);
    m_prompt->setAutoFillBackground(false);
    setFocusProxy(m_line);
    m_line->setFont(codeFont());
    m_line->setObjectName(QStringLiteral("answer"));
    auto *send = new QPushButton(tr("&Answer"), this);
    send->setToolTip(tr("Give the cell this line (Enter)"));
    connect(send, &QPushButton::clicked, this, &QuestionBar::answer);
    connect(m_line, &QLineEdit::returnPressed, this, &QuestionBar::answer);
    connect(new ThemeWatch(this), &ThemeWatch::themeChanged, this, &QuestionBar::takeColours);
    auto *row = new QHBoxLayout;
    row->setSpacing(10);
    row->addWidget(m_line, 1);
    row->addWidget(send);
    // A prompt may be long, and a panel narrow.
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(12, 8, 12, 8);
    column->setSpacing(6);
    column->addWidget(m_promptArea);
    column->addLayout(row);
    takeColours();
    hide();
}

void QuestionBar::ask(const QString &prompt, Echo echo)
{
    m_prompt->setFont(codeFont());
    const QString words = readable(prompt);
    open(words.trimmed().isEmpty() ? tr("The cell waits for input:") : words, echo);
}

void QuestionBar::offer()
{
    m_prompt->setFont(font());
    open(tr("This cell ran on while no engine listened, or was interrupted while it asked. If it "
            "waits for input, it still takes an answer:"),
         Echo::Hidden);
}

void QuestionBar::open(const QString &prompt, Echo echo)
{
    m_prompt->setText(prompt);
    m_line->clear();
    m_line->setEchoMode(echo == Echo::Hidden ? QLineEdit::Password : QLineEdit::Normal);
    m_line->setPlaceholderText(echo == Echo::Hidden ? tr("Shown and recorded nowhere") : QString());
    m_line->setAccessibleName(m_prompt->text());
    show();
    fitPrompt();
}

void QuestionBar::resizeEvent(QResizeEvent *event)
{
    QFrame::resizeEvent(event);
    fitPrompt();
}

void QuestionBar::fitPrompt()
{
    const int whole = m_prompt->heightForWidth(m_promptArea->viewport()->width());
    const int most = MostPromptLines * QFontMetrics(m_prompt->font()).lineSpacing();
    m_promptArea->setFixedHeight(std::min(whole, most));
    m_prompt->setMinimumHeight(whole);
    QScrollBar *bar = m_promptArea->verticalScrollBar();
    bar->setValue(bar->maximum());
}

void QuestionBar::dismiss()
{
    m_line->clear();
    hide();
}

void QuestionBar::answer()
{
    const QString text = m_line->text();
    dismiss();
    Q_EMIT answered(text);
}

void QuestionBar::takeColours()
{
    QPalette colours = QGuiApplication::palette();
    colours.setColor(QPalette::Window, tint(colours.color(QPalette::Highlight), colours));
    setPalette(colours);
}

}  // namespace celldeck::ui
