#include "ui/widgets/outputview.h"

#include <QAbstractTextDocumentLayout>
#include <QEvent>
#include <QGuiApplication>
#include <QScrollBar>

#include "base/terminaltext.h"
#include "ui/models/wording.h"
#include "ui/theme.h"
#include "ui/widgets/pictureobject.h"

namespace celldeck::ui {
namespace {

using Kind = OutputPart::Kind;

constexpr std::chrono::milliseconds Pause{100};

bool isText(const OutputPart &part)
{
    return part.kind == Kind::Text || part.kind == Kind::ErrorText || part.kind == Kind::Traceback;
}

}  // namespace

OutputView::OutputView(QWidget *parent) : QTextEdit(parent), m_pictures(new PictureObject(this))
{
    setReadOnly(true);
    setUndoRedoEnabled(false);
    setFont(codeFont());
    setFrameShape(QFrame::NoFrame);
    setAccessibleName(tr("Outputs"));
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    document()->setDocumentMargin(10);
    document()->documentLayout()->registerHandler(PictureObject::Type, m_pictures);
    m_pause.setSingleShot(true);
    m_pause.setInterval(Pause);
    connect(&m_pause, &QTimer::timeout, this, [this] {
        if (!m_isDirty)
            return;
        if (!isBeingSelected())
            render();
        else if (!textCursor().hasSelection())
            m_pause.start();  // The mouse is held: it ends in a selection, or in none.
    });
    connect(this, &QTextEdit::selectionChanged, this, [this] {
        if (m_isDirty && !m_isRendering && !m_pause.isActive())
            m_pause.start();
    });
    connect(verticalScrollBar(), &QScrollBar::valueChanged, this, &OutputView::noteScrolled);
}

OutputView::~OutputView()
{
    // The document may be laid out once more while it goes, and would ask for pictures.
    clear();
}

void OutputView::setOutputs(const QByteArray &json)
{
    if (m_hint.isEmpty() && json == m_json)
        return;
    m_hint.clear();
    m_json = json;
    m_isDirty = true;
    if (m_pause.isActive())
        return;
    if (!isBeingSelected())
        render();
    else if (!textCursor().hasSelection())
        m_pause.start();
}

void OutputView::startAt(Place place)
{
    m_follows = place == Place::End;
    m_offset = 0;
}

bool OutputView::isBeingSelected() const
{
    return textCursor().hasSelection() ||
           (viewport()->underMouse() && QGuiApplication::mouseButtons() != Qt::NoButton);
}

void OutputView::noteScrolled(int value)
{
    if (m_isRendering)
        return;
    const int maximum = verticalScrollBar()->maximum();
    if (value == maximum && m_offset > maximum)
        return;  // Not the reader: there is less to scroll, since the view has grown.
    m_offset = value;
    // The margin below the last line is no text that somebody would have to see.
    m_follows = maximum > 0 && value >= maximum - qRound(2 * document()->documentMargin());
}

void OutputView::setHint(const QString &hint)
{
    if (hint == m_hint && m_json.isEmpty())
        return;
    m_hint = hint;
    m_json.clear();
    render();
}

QString OutputView::outputsText() const
{
    return m_json.isEmpty() ? QString() : plainText(readOutputs(m_json));
}

int OutputView::pictureCount() const
{
    return m_pictures->count();
}

void OutputView::changeEvent(QEvent *event)
{
    QTextEdit::changeEvent(event);
    if (event->type() == QEvent::PaletteChange)
        render();  // Colours are in the document, so a new theme writes it again.
}

void OutputView::render()
{
    m_isDirty = false;
    m_pause.start();
    m_isRendering = true;
    setUpdatesEnabled(false);
    clear();
    m_isBlank = true;
    m_pictures->clear();
    if (m_hint.isEmpty() && !m_json.isEmpty()) {
        renderParts();
    } else {
        renderNotice(m_hint);
    }
    setUpdatesEnabled(true);
    QScrollBar *bar = verticalScrollBar();
    bar->setValue(m_follows ? bar->maximum() : std::min(m_offset, bar->maximum()));
    m_isRendering = false;
}

void OutputView::renderParts()
{
    const std::vector<OutputPart> parts = readOutputs(m_json);
    if (parts.empty())
        return renderNotice(tr("No output."));
    std::vector<std::vector<AnsiLine>> texts;
    int total = 0;
    for (const OutputPart &part : parts) {
        texts.push_back(isText(part) ? parseAnsi(part.text) : std::vector<AnsiLine>());
        total += static_cast<int>(texts.back().size());
    }
    int number = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const OutputPart &part = parts[i];
        if (isText(part))
            renderLines(part.kind, texts[i], number, total);
        else if (part.kind == Kind::Other)
            renderNotice(
                tr("%1 · %2 · cannot be shown here").arg(part.mime, bytesText(part.bytes)));
        else
            renderPicture(part);
    }
}

void OutputView::beginBlock(const QColor &ground)
{
    QTextBlockFormat format;
    if (ground.isValid())
        format.setBackground(ground);
    QTextCursor cursor(document());
    cursor.movePosition(QTextCursor::End);
    if (m_isBlank)
        cursor.setBlockFormat(format);
    else
        cursor.insertBlock(format, QTextCharFormat());
    m_isBlank = false;
    setTextCursor(cursor);
}

void OutputView::renderLines(Kind kind, const std::vector<AnsiLine> &lines, int &number, int total)
{
    const QColor ground = kind == Kind::Text ? QColor() : tint(warningColour(palette()), palette());
    const int cutFrom = total > MostLines ? MostLines / 2 : total;
    const int cutTo = total > MostLines ? total - MostLines / 2 : total;
    for (const AnsiLine &line : lines) {
        if (number == cutFrom)
            renderNotice(tr("… %1 lines are not shown. “Copy outputs” copies all of them. …")
                             .arg(cutTo - cutFrom));
        if (number < cutFrom || number >= cutTo) {
            beginBlock(ground);
            renderLine(line);
        }
        ++number;
    }
}

void OutputView::renderLine(const AnsiLine &line)
{
    QTextCursor cursor = textCursor();
    qsizetype room = LongestLine;
    qsizetype hidden = 0;
    for (const AnsiSpan &span : line) {
        const qsizetype shown = std::min(room, span.text.size());
        cursor.insertText(span.text.left(shown), formatOf(span.style));
        room -= shown;
        hidden += span.text.size() - shown;
    }
    if (hidden > 0) {
        QTextCharFormat muted;
        muted.setForeground(mutedColour(palette()));
        cursor.insertText(tr(" … %1 more characters").arg(hidden), muted);
    }
    setTextCursor(cursor);
}

void OutputView::renderNotice(const QString &text)
{
    beginBlock();
    QTextCharFormat muted;
    muted.setForeground(mutedColour(palette()));
    muted.setFontItalic(true);
    textCursor().insertText(text, muted);
}

void OutputView::renderPicture(const OutputPart &part)
{
    beginBlock();
    QTextCursor cursor = textCursor();
    const bool shown = part.kind == Kind::Drawing ? m_pictures->insertDrawing(cursor, part.data)
                                                  : m_pictures->insertImage(cursor, part.data);
    if (!shown)
        renderNotice(
            tr("%1 · %2 · is damaged or too large").arg(part.mime, bytesText(part.data.size())));
}

QTextCharFormat OutputView::formatOf(const AnsiStyle &style) const
{
    QTextCharFormat format;
    QColor foreground = style.foreground ? ansiColour(*style.foreground, palette())
                                         : palette().color(QPalette::Text);
    QColor background = style.background ? ansiGround(*style.background, palette()) : QColor();
    if (style.inverse) {
        if (!background.isValid())
            background = palette().color(QPalette::Base);
        std::swap(foreground, background);
    } else if (!background.isValid())
        foreground = legible(foreground, palette().color(QPalette::Base));
    if (style.faint)
        foreground = mutedColour(palette());
    format.setForeground(foreground);
    if (background.isValid())
        format.setBackground(background);
    if (style.bold)
        format.setFontWeight(QFont::Bold);
    format.setFontItalic(style.italic);
    format.setFontUnderline(style.underline);
    return format;
}

}  // namespace celldeck::ui
