#include "ui/panels/detailpanel.h"

#include <QApplication>
#include <QLabel>
#include <QPlainTextEdit>
#include <QSplitter>
#include <QStackedLayout>
#include <QVBoxLayout>

#include "ui/models/wording.h"
#include "ui/theme.h"
#include "ui/themewatch.h"
#include "ui/widgets/outputview.h"
#include "ui/widgets/pythonhighlighter.h"
#include "ui/widgets/questionbar.h"

namespace celldeck::ui {

using storage::TaskRecord;

namespace {

constexpr int Margin = 12;

QLabel *captionOf(const QString &text, QWidget *buddy)
{
    auto *label = new QLabel(text);
    label->setBuddy(buddy);
    label->setContentsMargins(Margin, 8, Margin, 4);
    label->setForegroundRole(QPalette::PlaceholderText);
    return label;
}

QWidget *withCaption(const QString &text, QWidget *view)
{
    auto *box = new QWidget;
    auto *column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(captionOf(text, view));
    column->addWidget(view, 1);
    return box;
}

}  // namespace

DetailPanel::DetailPanel(Feed *feed, QWidget *parent)
    : QWidget(parent), m_feed(feed), m_pages(new QStackedLayout(this))
{
    auto *empty = new QLabel(tr("Choose a task to see its code and outputs"), this);
    empty->setAlignment(Qt::AlignCenter);
    empty->setWordWrap(true);
    empty->setForegroundRole(QPalette::PlaceholderText);
    auto *page = new QWidget(this);
    auto *column = new QVBoxLayout(page);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    column->addWidget(makeHeader());
    column->addWidget(makeBody(), 1);
    m_question = new QuestionBar(page);
    column->addWidget(m_question);
    connect(m_question, &QuestionBar::answered, this,
            [this](const QString &text) { m_feed->answerInput(m_task.id, text); });
    m_pages->addWidget(empty);
    m_pages->addWidget(page);
    connect(feed, &Feed::tasksChanged, this, &DetailPanel::handleChanged);
    connect(feed, &Feed::taskLoaded, this, &DetailPanel::handleLoaded);
    connect(feed, &Feed::outputsChanged, this, &DetailPanel::handleOutputs);
    connect(feed, &Feed::inputRequested, this, &DetailPanel::handleQuestion);
    connect(feed, &Feed::inputAnswered, this, [this](const storage::TaskId &id) {
        if (id == m_task.id)
            m_question->dismiss();
    });
    connect(new ThemeWatch(this), &ThemeWatch::themeChanged, this, &DetailPanel::takeColours);
}

QWidget *DetailPanel::makeHeader()
{
    auto *header = new QWidget(this);
    m_stateIcon = new QLabel(header);
    m_state = new QLabel(header);
    m_facts = new QLabel(header);
    m_notebook = new QLabel(header);
    m_error = new QLabel(header);
    m_error->setObjectName(QStringLiteral("error"));
    m_state->setObjectName(QStringLiteral("state"));
    QFont bold = m_state->font();
    bold.setBold(true);
    m_state->setFont(bold);
    m_notebook->setFont(bold);
    m_facts->setForegroundRole(QPalette::PlaceholderText);
    for (QLabel *label : {m_notebook, m_error, m_facts}) {
        label->setTextFormat(Qt::PlainText);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    m_notebook->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_facts->setWordWrap(true);
    m_error->setWordWrap(true);
    m_error->setAutoFillBackground(true);
    m_error->setContentsMargins(8, 6, 8, 6);
    auto *top = new QHBoxLayout;
    top->setSpacing(6);
    top->addWidget(m_notebook, 1);
    top->addWidget(m_stateIcon);
    top->addWidget(m_state);
    auto *column = new QVBoxLayout(header);
    column->setContentsMargins(Margin, 10, Margin, 6);
    column->setSpacing(6);
    column->addLayout(top);
    column->addWidget(m_facts);
    column->addWidget(m_error);
    return header;
}

QWidget *DetailPanel::makeBody()
{
    m_code = new QPlainTextEdit;
    m_code->setReadOnly(true);
    m_code->setFont(codeFont());
    m_code->setFrameShape(QFrame::NoFrame);
    m_code->setLineWrapMode(QPlainTextEdit::NoWrap);
    m_code->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    m_code->setAccessibleName(tr("Code"));
    m_code->document()->setDocumentMargin(10);
    new PythonHighlighter(m_code->document(), m_code);
    m_outputs = new OutputView;
    auto *splitter = new QSplitter(Qt::Vertical, this);
    splitter->setChildrenCollapsible(false);
    splitter->addWidget(withCaption(tr("Code"), m_code));
    splitter->addWidget(withCaption(tr("Outputs"), m_outputs));
    // Most cells are shorter than what they print.
    splitter->setStretchFactor(0, 1);
    splitter->setStretchFactor(1, 2);
    splitter->setSizes({100, 200});
    m_code->setMinimumHeight(fontMetrics().height() * 4);
    return splitter;
}

void DetailPanel::showTask(const TaskRecord &task)
{
    const bool isOther = task.id != m_task.id;
    setTask(task);
    m_pages->setCurrentIndex(1);
    if (!isOther)
        return;
    m_question->dismiss();
    m_outputs->setHint(tr("Loading…"));
    m_outputs->startAt(storage::isFinal(task.state) ? OutputView::Place::Begin
                                                    : OutputView::Place::End);
    m_isWatched = false;
    if (isVisible())
        watch();
}

void DetailPanel::setTask(const TaskRecord &task)
{
    // Setting the same text again would lose what a person has selected in it.
    if (m_task.code != task.code || m_code->document()->isEmpty())
        m_code->setPlainText(task.code);
    m_task = task;
    if (storage::isFinal(task.state))
        m_question->dismiss();
    showHeader();
}

void DetailPanel::watch()
{
    m_isWatched = true;
    m_feed->watchTask(m_task.id);
}

QString DetailPanel::outputsText() const
{
    return m_outputs->outputsText();
}

void DetailPanel::handleChanged(const QList<TaskRecord> &tasks)
{
    for (const TaskRecord &task : tasks) {
        if (!m_task.id || task.id != m_task.id)
            continue;
        const bool hasEnded = storage::isFinal(task.state) && !storage::isFinal(m_task.state);
        setTask(task);
        if (!hasEnded)
            continue;
        m_isWatched = false;
        if (isVisible())
            watch();
    }
}

void DetailPanel::handleLoaded(const storage::TaskDetail &detail)
{
    if (!m_task.id || detail.task.id != m_task.id)
        return;
    // An answer may be older than a change that overtook it.
    if (storage::isFinal(m_task.state) && !storage::isFinal(detail.task.state))
        return;
    setTask(detail.task);
    showOutputs(detail.outputs);
}

void DetailPanel::showOutputs(const QByteArray &outputs)
{
    if (storage::isFinal(m_task.state) || outputs != "[]")
        m_outputs->setOutputs(outputs);
    else
        m_outputs->setHint(m_task.state == storage::TaskState::Pending
                               ? tr("Waits for its turn.")
                               : tr("Runs; no output so far."));
}

void DetailPanel::handleOutputs(const LiveOutputs &outputs)
{
    if (isVisible() && m_task.id && outputs.id == m_task.id && !storage::isFinal(m_task.state))
        showOutputs(outputs.outputs);
}

void DetailPanel::handleQuestion(const InputQuestion &question)
{
    if (!m_task.id || question.id != m_task.id || storage::isFinal(m_task.state))
        return;
    if (question.isUnheard) {
        m_question->offer();
        return;
    }
    m_question->ask(question.prompt,
                    question.isPassword ? QuestionBar::Echo::Hidden : QuestionBar::Echo::Shown);
    // Who reads the outputs is asked; who types elsewhere, or goes through the tasks, is not.
    if (isAncestorOf(QApplication::focusWidget()))
        m_question->setFocus();
}

void DetailPanel::showHeader()
{
    const QPalette general = QGuiApplication::palette();
    const QColor colour = stateColour(m_task.state, general);
    m_stateIcon->setPixmap(themedIcon(iconNameOf(m_task.state), colour).pixmap(16, 16));
    QPalette coloured = general;
    coloured.setColor(QPalette::WindowText, colour);
    m_state->setPalette(coloured);
    m_state->setText(wordOf(m_task.state));
    m_notebook->setText(fileNameOf(m_task.notebookPath));
    m_notebook->setToolTip(m_task.notebookPath);

    QStringList facts;
    if (m_task.cellIndex >= 0)
        facts << tr("Cell %1").arg(m_task.cellIndex);
    if (m_task.executionCount)
        facts << tr("In [%1]").arg(*m_task.executionCount);
    if (const QString duration = durationText(m_task, m_task.startedAt.value_or(UtcTime{}));
        m_task.finishedAt && !duration.isEmpty())
        facts << duration;
    if (m_task.replayOf)
        facts << tr("runs %1 again").arg(toText(m_task.replayOf));
    if (m_task.stateLost)
        facts << tr("without the state of its lost kernel");
    const QString dot = QStringLiteral("  ·  ");
    const QString submitted = tr("Submitted %1").arg(fullMomentText(m_task.createdAt).left(19));
    // Two lines, so that none is broken at a dot.
    QStringList lines{submitted + dot + storage::nameOf(m_task)};
    if (!facts.isEmpty())
        lines.prepend(facts.join(dot));
    m_facts->setText(lines.join(QLatin1Char('\n')));

    QPalette warning = general;
    warning.setColor(QPalette::Window, tint(colour, general));
    m_error->setPalette(warning);
    m_error->setText(m_task.error);
    m_error->setVisible(!m_task.error.isEmpty());
}

void DetailPanel::showEvent(QShowEvent *event)
{
    QWidget::showEvent(event);
    if (m_task.id && !m_isWatched)
        watch();
}

void DetailPanel::takeColours()
{
    if (!m_task.id)
        return;
    showHeader();
    m_code->setPlainText(m_task.code);  // Highlights anew, in the new colours.
}

}  // namespace celldeck::ui
