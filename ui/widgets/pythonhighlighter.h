#pragma once

#include <QSyntaxHighlighter>

class QWidget;

namespace celldeck::ui {

/// Colours of Python code, quiet ones: keywords, strings, numbers, comments and decorators. Cells
/// in other languages lose nothing by it. Owner: the document. Thread: GUI.
class PythonHighlighter final : public QSyntaxHighlighter
{
    Q_OBJECT

public:
    /// The palette of `view` decides between colours for a light and for a dark ground.
    PythonHighlighter(QTextDocument *document, const QWidget *view);

protected:
    void highlightBlock(const QString &text) override;

private:
    [[nodiscard]] qsizetype stringEnd(const QString &text, qsizetype from, const QString &quote);
    void paint(qsizetype from, qsizetype to, int ansiColourNumber);

    const QWidget *m_view;
};

}  // namespace celldeck::ui
