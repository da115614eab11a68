#include "ui/widgets/outputparts.h"

#include <QCoreApplication>
#include <QTextDocumentFragment>

#include "base/json.h"
#include "base/terminaltext.h"

namespace celldeck::ui {
namespace {

using Kind = OutputPart::Kind;

/// nbformat writes a text as one string or as a list of its lines.
QString multilineText(const Json &value)
{
    if (value.is_string())
        return QString::fromStdString(value.get_ref<const std::string &>());
    QString text;
    if (value.is_array()) {
        for (const Json &line : value) {
            if (line.is_string())
                text += QString::fromStdString(line.get_ref<const std::string &>());
        }
    }
    return text;
}

void appendText(std::vector<OutputPart> &parts, Kind kind, const QString &text)
{
    if (text.isEmpty())
        return;
    if (!parts.empty() && parts.back().kind == kind && parts.back().mime == QLatin1String("stream"))
        parts.back().text += text;
    else
        parts.push_back({.kind = kind, .text = text, .mime = QStringLiteral("stream")});
}

OutputPart errorOf(const Json &output)
{
    QString text;
    if (const Json *traceback = find(output, "traceback"); traceback && traceback->is_array()) {
        for (const Json &line : *traceback)
            text += multilineText(line) + QLatin1Char('\n');
    }
    if (text.isEmpty())
        text = textOf(output, "ename") + QStringLiteral(": ") + textOf(output, "evalue");
    return {.kind = Kind::Traceback, .text = text};
}

std::optional<OutputPart> pictureOf(const Json &data)
{
    for (const char *mime : {"image/png", "image/jpeg"}) {
        if (const Json *image = find(data, mime))
            return OutputPart{.kind = Kind::Image,
                              .data = QByteArray::fromBase64(multilineText(*image).toLatin1()),
                              .mime = QLatin1String(mime)};
    }
    if (const Json *drawing = find(data, "image/svg+xml"))
        return OutputPart{.kind = Kind::Drawing,
                          .data = multilineText(*drawing).toUtf8(),
                          .mime = QStringLiteral("image/svg+xml")};
    return std::nullopt;
}

/// Text stands in for HTML; where a kernel sent HTML alone, its words do.
QString wordsOf(const Json &data)
{
    if (const Json *plain = find(data, "text/plain"))
        return multilineText(*plain);
    for (const char *mime : {"text/markdown", "text/latex"}) {
        if (const Json *source = find(data, mime))
            return multilineText(*source);
    }
    if (const Json *html = find(data, "text/html"))
        return QTextDocumentFragment::fromHtml(multilineText(*html)).toPlainText();
    return {};
}

void appendBundle(std::vector<OutputPart> &parts, const Json &output)
{
    const Json *data = find(output, "data");
    if (!data || !data->is_object())
        return;
    std::optional<OutputPart> picture = pictureOf(*data);
    const QString words = picture ? QString() : wordsOf(*data);
    if (picture)
        parts.push_back(*std::move(picture));
    else if (!words.isEmpty())
        parts.push_back({.kind = Kind::Text, .text = words});
    for (const auto &[key, value] : data->items()) {
        const QString mime = QString::fromStdString(key);
        if (mime.startsWith(QLatin1String("text/")) || mime == QLatin1String("image/png") ||
            mime == QLatin1String("image/jpeg") || mime == QLatin1String("image/svg+xml"))
            continue;
        const qsizetype size =
            value.is_string() ? multilineText(value).size() : toBytes(value).size();
        parts.push_back({.kind = Kind::Other, .mime = mime, .bytes = size});
    }
}

}  // namespace

std::vector<OutputPart> readOutputs(const QByteArray &json)
{
    const Result<Json> outputs = parseJson(json);
    std::vector<OutputPart> parts;
    if (!outputs || !outputs->is_array()) {
        const QString why = outputs ? QStringLiteral("no list") : outputs.error().message;
        parts.push_back({.kind = Kind::Traceback,
                         .text = QCoreApplication::translate(
                                     "celldeck::ui", "The recorded outputs cannot be read: %1")
                                     .arg(why)});
        return parts;
    }
    for (const Json &output : *outputs) {
        const QString type = textOf(output, "output_type");
        if (type == QLatin1String("stream")) {
            const bool isError = textOf(output, "name") == QLatin1String("stderr");
            const Json *text = find(output, "text");
            appendText(parts, isError ? Kind::ErrorText : Kind::Text,
                       text ? multilineText(*text) : QString());
        } else if (type == QLatin1String("error")) {
            parts.push_back(errorOf(output));
        } else {
            appendBundle(parts, output);
        }
    }
    return parts;
}

QString plainText(const std::vector<OutputPart> &parts)
{
    QString all;
    for (const OutputPart &part : parts) {
        if (!part.mime.isEmpty() && part.mime != QLatin1String("stream")) {
            all += QStringLiteral("[%1]\n").arg(part.mime);
            continue;
        }
        for (const AnsiLine &line : parseAnsi(part.text))
            all += plainText(line) + QLatin1Char('\n');
    }
    return all;
}

}  // namespace celldeck::ui
