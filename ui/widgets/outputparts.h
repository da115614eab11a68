#pragma once

#include <QByteArray>
#include <QString>
#include <optional>
#include <vector>

/// A cell's outputs as things to show, one after the other. Pure. Thread: any.
namespace celldeck::ui {

struct OutputPart
{
    enum class Kind {
        Text,       ///< What was printed, or text/plain of a result. `text` may hold ANSI.
        ErrorText,  ///< Standard error. `text` may hold ANSI.
        Traceback,  ///< An exception. `text` may hold ANSI.
        Image,      ///< `data`: PNG or JPEG.
        Drawing,    ///< `data`: SVG.
        Other,      ///< Nothing that can be shown: `mime` and `bytes` name it.
    };

    Kind kind = Kind::Text;
    QString text = {};
    QByteArray data = {};
    QString mime = {};
    std::int64_t bytes = 0;

    bool operator==(const OutputPart &) const = default;
};

/// Reads a JSON array of nbformat outputs. Neighbouring texts of one stream are one part, since a
/// progress bar is written in many. What is malformed is left out or named, never fatal.
[[nodiscard]] std::vector<OutputPart> readOutputs(const QByteArray &json);

/// All text in them, without escape sequences: what "Copy outputs" copies.
[[nodiscard]] QString plainText(const std::vector<OutputPart> &parts);

}  // namespace celldeck::ui
