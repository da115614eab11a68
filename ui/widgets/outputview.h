#pragma once

#include <QTextEdit>
#include <QTimer>
#include <memory>
#include <vector>

#include "base/terminaltext.h"
#include "ui/widgets/outputparts.h"

namespace celldeck::ui {

class PictureObject;

/// Shows a cell's outputs: text with its colours, pictures scaled to the width, and the names of
/// what cannot be shown. Bounded: of more than 2,000 lines the middle is left out, and a line says
/// so. Renders at most ten times a second however often it is told, and not while something is
/// being selected in it. Stays at the end while the reader is there, else where the reader is, also
/// if there is less for a moment. Owner: its panel. Thread: GUI.
class OutputView final : public QTextEdit
{
    Q_OBJECT

public:
    static constexpr int MostLines = 2000;
    /// A line without an end would freeze the layout.
    static constexpr int LongestLine = 4000;

    explicit OutputView(QWidget *parent = nullptr);
    ~OutputView() override;

    void setOutputs(const QByteArray &json);
    enum class Place { Begin, End };
    /// Where the reader of other outputs begins.
    void startAt(Place place);
    /// Instead of outputs: why there are none.
    void setHint(const QString &hint);
    /// What was printed, whole, without escape sequences.
    [[nodiscard]] QString outputsText() const;
    [[nodiscard]] int pictureCount() const;

protected:
    void changeEvent(QEvent *event) override;

private:
    [[nodiscard]] bool isBeingSelected() const;
    void noteScrolled(int value);
    void render();
    void renderParts();
    void renderLines(OutputPart::Kind kind, const std::vector<AnsiLine> &lines, int &number,
                     int total);
    void renderLine(const AnsiLine &line);
    void renderNotice(const QString &text);
    void renderPicture(const OutputPart &part);
    void beginBlock(const QColor &ground = {});
    [[nodiscard]] QTextCharFormat formatOf(const AnsiStyle &style) const;

    QByteArray m_json;
    QString m_hint;
    QTimer m_pause;
    bool m_isDirty = false;
    bool m_isRendering = false;
    bool m_follows = false;  ///< The reader is at the end.
    int m_offset = 0;        ///< Else there, in pixels.
    bool m_isBlank = true;   ///< Nothing is written yet, not even an empty line.
    PictureObject *m_pictures;
};

}  // namespace celldeck::ui
