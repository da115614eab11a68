#pragma once

#include <QImage>
#include <QObject>
#include <QTextCursor>
#include <QTextObjectInterface>
#include <memory>
#include <vector>

class QSvgRenderer;

namespace celldeck::ui {

/// Pictures in a text document which are never wider than it, and are scaled anew when it is laid
/// out anew. Owner: the view of the document. Thread: GUI.
class PictureObject final : public QObject, public QTextObjectInterface
{
    Q_OBJECT
    Q_INTERFACES(QTextObjectInterface)

public:
    static constexpr int Type = QTextFormat::UserObject + 1;

    explicit PictureObject(QObject *parent);
    ~PictureObject() override;

    void clear();
    [[nodiscard]] int count() const { return static_cast<int>(m_pictures.size()); }
    /// False where the bytes are no picture; nothing is inserted then.
    [[nodiscard]] bool insertImage(QTextCursor &cursor, const QByteArray &data);
    [[nodiscard]] bool insertDrawing(QTextCursor &cursor, const QByteArray &svg);

    QSizeF intrinsicSize(QTextDocument *document, int position, const QTextFormat &format) override;
    void drawObject(QPainter *painter, const QRectF &rect, QTextDocument *document, int position,
                    const QTextFormat &format) override;

private:
    struct Picture
    {
        QImage image;
        std::unique_ptr<QSvgRenderer> drawing;
        QSizeF size;
    };

    void insert(QTextCursor &cursor, Picture picture);
    [[nodiscard]] const Picture &pictureOf(const QTextFormat &format) const;

    std::vector<Picture> m_pictures;
};

}  // namespace celldeck::ui
