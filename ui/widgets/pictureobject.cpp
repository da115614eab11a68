#include "ui/widgets/pictureobject.h"

#include <QPainter>
#include <QSvgRenderer>
#include <QTextDocument>

namespace celldeck::ui {
namespace {

constexpr int IndexProperty = QTextFormat::UserProperty + 1;

/// QtSvg parses in the GUI's thread; a drawing beyond this would hold it up.
constexpr qsizetype LargestDrawing = 8 * 1024 * 1024;

}  // namespace

PictureObject::PictureObject(QObject *parent) : QObject(parent) {}

PictureObject::~PictureObject() = default;

void PictureObject::clear()
{
    m_pictures.clear();
}

bool PictureObject::insertImage(QTextCursor &cursor, const QByteArray &data)
{
    Picture picture{.image = QImage::fromData(data), .drawing = nullptr, .size = {}};
    if (picture.image.isNull())
        return false;
    picture.size = picture.image.size();
    insert(cursor, std::move(picture));
    return true;
}

bool PictureObject::insertDrawing(QTextCursor &cursor, const QByteArray &svg)
{
    if (svg.size() > LargestDrawing)
        return false;
    Picture picture{.image = {}, .drawing = std::make_unique<QSvgRenderer>(svg), .size = {}};
    if (!picture.drawing->isValid())
        return false;
    picture.drawing->setAspectRatioMode(Qt::KeepAspectRatio);
    picture.size = picture.drawing->defaultSize();
    insert(cursor, std::move(picture));
    return true;
}

void PictureObject::insert(QTextCursor &cursor, Picture picture)
{
    QTextCharFormat format;
    format.setObjectType(Type);
    format.setProperty(IndexProperty, count());
    m_pictures.push_back(std::move(picture));
    cursor.insertText(QString(QChar::ObjectReplacementCharacter), format);
}

const PictureObject::Picture &PictureObject::pictureOf(const QTextFormat &format) const
{
    return m_pictures.at(static_cast<std::size_t>(format.intProperty(IndexProperty)));
}

QSizeF PictureObject::intrinsicSize(QTextDocument *document, int, const QTextFormat &format)
{
    const QSizeF size = pictureOf(format).size;
    const double room = document->textWidth() - 2 * document->documentMargin();
    if (room <= 0 || size.width() <= room)
        return size;
    return {room, size.height() * room / size.width()};
}

void PictureObject::drawObject(QPainter *painter, const QRectF &rect, QTextDocument *, int,
                               const QTextFormat &format)
{
    const Picture &picture = pictureOf(format);
    painter->setRenderHint(QPainter::SmoothPixmapTransform);
    // Plots are drawn for paper: with a transparent ground they would be black on black.
    painter->fillRect(rect, Qt::white);
    if (picture.drawing)
        picture.drawing->render(painter, rect);
    else
        painter->drawImage(rect, picture.image);
}

}  // namespace celldeck::ui
