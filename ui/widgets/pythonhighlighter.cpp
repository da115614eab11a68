#include "ui/widgets/pythonhighlighter.h"

#include <QSet>
#include <QWidget>
#include <algorithm>

#include "ui/theme.h"

namespace celldeck::ui {
namespace {

// The theme's own terminal colours, so that code and outputs belong together.
constexpr int Green = 2;
constexpr int Blue = 4;
constexpr int Magenta = 5;
constexpr int Cyan = 6;

/// What a block that ends inside a string of three quotes hands to the next.
enum BlockState { Code = -1, InSingleQuotes = 1, InDoubleQuotes = 2 };

const QSet<QString> &keywords()
{
    static const QSet<QString> words = [] {
        const QString all = QStringLiteral(
            "False None True and as assert async await break case class continue def del elif else "
            "except finally for from global if import in is lambda match nonlocal not or pass "
            "raise "
            "return try while with yield");
        const QStringList list = all.split(QLatin1Char(' '));
        return QSet<QString>(list.begin(), list.end());
    }();
    return words;
}

bool isWordPart(QChar character)
{
    return character.isLetterOrNumber() || character == QLatin1Char('_');
}

qsizetype wordEnd(const QString &text, qsizetype from)
{
    while (from < text.size() && isWordPart(text.at(from)))
        ++from;
    return from;
}

}  // namespace

PythonHighlighter::PythonHighlighter(QTextDocument *document, const QWidget *view)
    : QSyntaxHighlighter(document), m_view(view)
{}

void PythonHighlighter::paint(qsizetype from, qsizetype to, int ansiColourNumber)
{
    setFormat(static_cast<int>(from), static_cast<int>(to - from),
              ansiColour(AnsiIndex{ansiColourNumber}, m_view->palette()));
}

qsizetype PythonHighlighter::stringEnd(const QString &text, qsizetype from, const QString &quote)
{
    for (qsizetype at = from; at < text.size(); ++at) {
        if (text.at(at) == QLatin1Char('\\'))
            ++at;
        else if (QStringView(text).mid(at).startsWith(quote))
            return at + quote.size();
    }
    if (quote.size() == 3)
        setCurrentBlockState(quote.startsWith(QLatin1Char('"')) ? InDoubleQuotes : InSingleQuotes);
    return text.size();
}

void PythonHighlighter::highlightBlock(const QString &text)
{
    setCurrentBlockState(Code);
    qsizetype at = 0;
    if (previousBlockState() > 0) {
        const QLatin1Char quote(previousBlockState() == InDoubleQuotes ? '"' : '\'');
        at = stringEnd(text, 0, QString(3, quote));
        paint(0, at, Green);
    }
    while (at < text.size()) {
        const QChar character = text.at(at);
        qsizetype to = at + 1;
        if (character == QLatin1Char('#')) {
            setFormat(static_cast<int>(at), static_cast<int>(text.size() - at),
                      mutedColour(m_view->palette()));
            return;
        }
        if (character == QLatin1Char('"') || character == QLatin1Char('\'')) {
            const QString triple(3, character);
            const bool isTriple = QStringView(text).mid(at).startsWith(triple);
            to = stringEnd(text, at + (isTriple ? 3 : 1), isTriple ? triple : QString(character));
            paint(at, to, Green);
        } else if (character.isDigit()) {
            to = wordEnd(text, at);
            paint(at, to, Cyan);
        } else if (character == QLatin1Char('@') && text.left(at).trimmed().isEmpty()) {
            to = wordEnd(text, at + 1);
            paint(at, to, Blue);
        } else if (isWordPart(character)) {
            to = wordEnd(text, at);
            if (keywords().contains(text.mid(at, to - at)))
                paint(at, to, Magenta);
        }
        at = to;
    }
}

}  // namespace celldeck::ui
